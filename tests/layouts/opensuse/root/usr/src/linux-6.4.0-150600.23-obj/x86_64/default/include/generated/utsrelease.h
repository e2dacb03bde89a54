#define UTS_RELEASE "6.4.0-150600.23-default"
