#define UTS_RELEASE "6.6.16-current-sunxi64"
