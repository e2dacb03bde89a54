// SPDX-License-Identifier: MIT OR Apache-2.0
// What a probe builds. It is never loaded. It prints, so that there is more than module_layout to compare.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

static int __init probe_init(void)
{
	printk(KERN_INFO "kbuild-guard: a probe is not to be loaded\n");
	return 0;
}

static void __exit probe_exit(void)
{
	printk(KERN_INFO "kbuild-guard: bye\n");
}

module_init(probe_init);
module_exit(probe_exit);
MODULE_DESCRIPTION("kbuild-guard's probe");
MODULE_LICENSE("Dual MIT/GPL");
