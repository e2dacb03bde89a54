/* <linux/module.h> */
