/* <linux/module.h> */
#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H
#include <linux/list.h>
#include <asm/rwonce.h>
#include <linux/vermagic.h>
#ifdef CONFIG_NOT_SET_HERE
#include <linux/not-set-here.h>
#endif
#endif
