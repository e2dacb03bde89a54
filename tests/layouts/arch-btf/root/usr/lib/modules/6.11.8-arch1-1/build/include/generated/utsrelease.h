#define UTS_RELEASE "6.11.8-arch1-1"
