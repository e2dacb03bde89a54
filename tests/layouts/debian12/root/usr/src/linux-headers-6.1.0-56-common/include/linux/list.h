/* <linux/list.h> */
#include <linux/types.h>
