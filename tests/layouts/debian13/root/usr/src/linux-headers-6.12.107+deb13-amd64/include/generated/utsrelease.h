#define UTS_RELEASE "6.12.107+deb13-amd64"
