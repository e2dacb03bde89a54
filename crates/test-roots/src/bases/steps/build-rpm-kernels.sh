# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds a small kernel (the one of build-kernel.sh, of the series whose `make binrpm-pkg` makes a package of headers), and
# out of its objects one for each release that packages are made of: another release costs seconds.
packages="linux-source-6.12 bc bison flex libelf-dev rsync cpio"
apt-get update
# shellcheck disable=SC2086
apt-get install --yes $packages
mkdir -p /srv/build/stage
tar -C /srv/build -xf /usr/src/linux-source-6.12.tar.xz
apt-get purge --yes linux-source-6.12
rm -f /var/cache/apt/archives/*.deb
source=/srv/build/linux-source-6.12 output=/srv/build/output
# Debian's own word in it, which other distributions' trees do not have.
sed -i '/^-include \.kernelvariables$/d' "$source/Makefile"

make -C "$source" O="$output" tinyconfig >/dev/null
"$source/scripts/config" --file "$output/.config" --enable 64BIT --enable MODULES --enable MODULE_UNLOAD \
    --enable MODVERSIONS --enable PRINTK --enable TTY --enable SERIAL_8250 --enable SERIAL_8250_CONSOLE \
    --enable BLK_DEV_INITRD --enable BINFMT_ELF --enable BINFMT_SCRIPT --enable PROC_FS --enable SYSFS --module CRC7
make -C "$source" O="$output" olddefconfig >/dev/null
version=$(make --no-print-directory --silent -C "$source" kernelversion)

# What the packages of distributions are made of: /srv/build/stage/RELEASE/modules is the modules directory, and
# .../headers what a package of headers has.
for suffix in -100.fc41.x86_64 -200.fc41.x86_64 -300.fc41.x86_64 -1-default -1-rt -2-default; do
    release=$version$suffix
    stage=/srv/build/stage/$release
    in_output() {
        make --no-print-directory --silent -C "$output" LOCALVERSION="$suffix" "$@"
    }
    in_output --jobs="$(nproc)" bzImage modules >/dev/null
    in_output INSTALL_MOD_PATH="$stage/root" DEPMOD=true modules_install
    mv "$stage/root/lib/modules/$release" "$stage/modules"
    rm -r "$stage/root" "$stage/modules/build"
    cp "$output/$(in_output image_name)" "$stage/modules/vmlinuz"
    cp "$output/System.map" "$stage/modules/System.map"
    cp "$output/.config" "$stage/modules/config"
    # The words are the Makefile's.
    # shellcheck disable=SC2016
    in_output run-command KBUILD_RUN_COMMAND='${srctree}/scripts/package/install-extmod-build '"$stage/headers"
done
