#define UTS_RELEASE "6.11.0-21-generic"
#define UTS_UBUNTU_RELEASE_ABI 21
