#define UTS_RELEASE "6.6.62-gentoo-dist"
