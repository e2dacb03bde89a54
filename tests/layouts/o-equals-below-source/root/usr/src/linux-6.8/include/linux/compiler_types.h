/* <linux/compiler_types.h> */
