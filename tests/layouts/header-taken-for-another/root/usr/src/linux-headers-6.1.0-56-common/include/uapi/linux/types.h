/* <uapi/linux/types.h> */
typedef unsigned int __u32;
