#include <asm-generic/mmzone.h>
