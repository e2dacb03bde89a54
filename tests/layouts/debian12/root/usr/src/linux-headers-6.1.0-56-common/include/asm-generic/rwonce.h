/* <asm-generic/rwonce.h> */
