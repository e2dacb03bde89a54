#if __has_attribute(__counted_by__)
#include <linux/counted.h>
#endif
