#define UTS_RELEASE "6.9.1-arch1-1"
