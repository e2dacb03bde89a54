/* <linux/vermagic.h> */
#include <generated/utsrelease.h>
