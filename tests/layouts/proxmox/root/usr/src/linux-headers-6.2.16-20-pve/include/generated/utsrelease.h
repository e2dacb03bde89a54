#define UTS_RELEASE "6.2.16-20-pve"
