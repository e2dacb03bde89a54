# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the smallest kernel that runs 64-bit programs from an initial ramdisk, says so on a serial line, and loads
# modules; as the user whose home it is in. With symbol versions, as distributions have them.
cat >/tmp/build.sh <<'BUILD'
set -eu
cd /home/felix/linux
make tinyconfig >/dev/null
scripts/config --set-str LOCALVERSION -felix --enable 64BIT --enable MODULES --enable MODULE_UNLOAD --enable MODVERSIONS \
    --enable PRINTK --enable TTY --enable SERIAL_8250 --enable SERIAL_8250_CONSOLE --enable BLK_DEV_INITRD \
    --enable BINFMT_ELF --enable BINFMT_SCRIPT --enable PROC_FS --enable SYSFS --module CRC7
make olddefconfig >/dev/null
make --jobs="$(nproc)" bzImage modules
BUILD
su felix -c 'sh /tmp/build.sh'
rm /tmp/build.sh
echo "release: $(make --no-print-directory --silent -C /home/felix/linux kernelrelease)"
