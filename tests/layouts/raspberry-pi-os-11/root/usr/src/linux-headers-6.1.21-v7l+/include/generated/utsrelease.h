#define UTS_RELEASE "6.1.21-v7l+"
