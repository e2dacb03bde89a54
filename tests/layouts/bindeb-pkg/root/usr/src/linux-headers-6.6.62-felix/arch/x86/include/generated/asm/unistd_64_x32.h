#define __NR_x32 1
