/* <linux/types.h> */
#include <asm/types.h>
