// SPDX-License-Identifier: MIT OR Apache-2.0
//! A module in C that any kernel since 5.10 takes, built as everybody builds theirs.

use test_roots::{Outcome, Result, Root};

/// It uses what most do: lists, the heap, /proc, a parameter, and it has a symbol for others.
const TEXT: &str = "#include <linux/module.h>\n#include <linux/slab.h>\n#include <linux/list.h>\n#include <linux/proc_fs.h>\n\
                    int sample_symbol(int by); int sample_symbol(int by) { return by; } EXPORT_SYMBOL_GPL(sample_symbol);\n\
                    static int n; module_param(n, int, 0); static void *p;\n\
                    static int __init in(void) { p = kmalloc(n + 1, GFP_KERNEL); return p ? 0 : -12; }\n\
                    static void __exit out(void) { kfree(p); }\n\
                    module_init(in); module_exit(out); MODULE_LICENSE(\"GPL\");\n";

/// Builds it by the kernel's build link as `/tmp/m/m.ko`, and says its version magic.
pub fn build_sample(root: &Root, release: &str) -> Result<Outcome> {
    // Not `make clean modules`: where Linux 7.2 is asked for both at once, it writes a Makefile of its own into M.
    root.sh("rm -rf /tmp/m")?.success()?;
    root.write("/tmp/m/Makefile", "obj-m := m.o\n")?;
    root.write("/tmp/m/m.c", TEXT)?;
    root.sh(&format!("make -C /lib/modules/{release}/build M=/tmp/m modules && modinfo -F vermagic /tmp/m/m.ko"))
}

/// Installs what was built.
pub fn install_sample(root: &Root, release: &str) -> Result<Outcome> {
    root.sh(&format!("make -C /lib/modules/{release}/build M=/tmp/m modules_install && depmod {release}"))
}
