#define UTS_RELEASE "6.11.8-1-default"
