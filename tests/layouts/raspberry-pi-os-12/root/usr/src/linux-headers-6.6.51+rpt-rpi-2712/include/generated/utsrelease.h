#define UTS_RELEASE "6.6.51+rpt-rpi-2712"
