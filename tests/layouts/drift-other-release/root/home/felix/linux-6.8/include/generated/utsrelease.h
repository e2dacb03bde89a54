#define UTS_RELEASE "6.8.1-felix"
