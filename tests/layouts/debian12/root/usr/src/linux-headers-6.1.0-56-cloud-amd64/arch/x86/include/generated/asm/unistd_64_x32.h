#include <asm-generic/unistd_64_x32.h>
