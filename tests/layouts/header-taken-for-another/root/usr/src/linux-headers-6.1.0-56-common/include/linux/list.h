/* <linux/list.h> */
#include <linux/types.h>
struct list_head { struct list_head *next; u32 count; };
