#define UTS_RELEASE "6.12.95+deb12-cloud-amd64"
