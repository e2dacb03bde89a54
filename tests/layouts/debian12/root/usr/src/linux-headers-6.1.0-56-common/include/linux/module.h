/* <linux/module.h> */
#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H
#include <linux/list.h>
#include <asm/rwonce.h>
#include <linux/vermagic.h>
#ifdef CONFIG_NOT_SET_HERE
#include <linux/not-set-here.h>
#endif
#define __init
#define __exit
#define module_init(function) extern int init_module(void)
#define module_exit(function) extern void cleanup_module(void)
#define MODULE_LICENSE(text) extern const char *license
#define MODULE_INFO(tag, text) extern const char *tag
#endif
