/* <asm-generic/types.h> */
