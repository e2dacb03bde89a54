/* <linux/usb/gadget.h> */
