#define UTS_RELEASE "6.6.64_1"
