#define UTS_RELEASE "6.6.100-0-lts"
