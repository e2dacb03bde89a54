#define UTS_RELEASE "5.10.0-46-cloud-amd64"
