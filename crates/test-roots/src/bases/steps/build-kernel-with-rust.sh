# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the smallest kernel that takes modules in Rust, and that loads them from an initial ramdisk, in /usr/src/rusty from
# the source in /usr/src/linux. Without symbol versions, as Debian's own kernels with Rust are: to make those of Rust's
# symbols alone takes two minutes.
source=$(apt-cache depends linux-source | sed -nE 's/^ *Depends: (linux-source-[^ :]*).*/\1/p')
packages="$source bc bison flex libelf-dev rustc rust-src bindgen"
# The lists are as old as the base below, and Debian keeps no package that has a newer version.
# shellcheck disable=SC2086
install() {
    apt-get install --yes --option APT::Keep-Downloaded-Packages=false $packages
}
install || { apt-get update && install; }
tar -C /usr/src -xf "/usr/src/$source.tar.xz"
mv "/usr/src/$source" /usr/src/linux

# 160 MB that nobody reads again.
apt-get purge --yes "$source"

cd /usr/src/linux
make O=/usr/src/rusty rustavailable
make O=/usr/src/rusty tinyconfig >/dev/null
scripts/config --file /usr/src/rusty/.config --set-str LOCALVERSION -rusty --enable 64BIT --enable MODULES \
    --enable MODULE_UNLOAD --enable PRINTK --enable TTY --enable SERIAL_8250 --enable SERIAL_8250_CONSOLE \
    --enable BLK_DEV_INITRD --enable BINFMT_ELF --enable BINFMT_SCRIPT --enable PROC_FS --enable SYSFS --enable RUST \
    --module CRC7
make O=/usr/src/rusty olddefconfig >/dev/null
grep -q '^CONFIG_RUST=y' /usr/src/rusty/.config
make O=/usr/src/rusty --jobs="$(nproc)" bzImage modules
echo "release: $(make --no-print-directory --silent -C /usr/src/rusty kernelrelease)"
