/* <linux/kconfig.h> */
