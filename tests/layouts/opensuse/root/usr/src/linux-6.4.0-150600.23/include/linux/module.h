/* <linux/module.h> */
#define __init
#define __exit
#define module_init(function) extern int init_module(void)
#define module_exit(function) extern void cleanup_module(void)
#define MODULE_LICENSE(text) extern const char *license
#define MODULE_INFO(tag, text) extern const char *tag
