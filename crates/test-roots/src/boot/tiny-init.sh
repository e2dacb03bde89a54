#!/bin/busybox sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The first process of a tiny boot: runs /script with its words on the second serial line, says that it is done, and ends
# the machine. tiny.rs puts the token into /token.
/bin/busybox mkdir -p /proc /sys /tmp
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
# A terminal would add carriage returns.
stty -F /dev/ttyS1 raw -echo
sh /script </dev/null >/dev/ttyS1 2>&1
printf '\n%s done\n' "$(cat /token)" >/dev/ttyS1
# The smallest kernels cannot switch off; all can start again, which ends the emulator.
reboot -f
