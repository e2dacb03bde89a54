#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes kernels out of real ones, for measuring: kernels.sh apart|shared RELEASE COUNT.
# apart: each with headers and dpkg lists of its own, copied from RELEASE's. shared: modules directories
# that all link to RELEASE's tree.
set -eu
how=$1 release=$2 count=$3
tree=/usr/src/linux-headers-$release
info=/var/lib/dpkg/info
number=1
while [ "$number" -le "$count" ]; do
    new=$release.k$number
    dir=/lib/modules/$new
    mkdir -p "$dir"
    cp "/lib/modules/$release/modules.order" "$dir/"
    : > "/boot/vmlinuz-$new"
    case $how in
    shared) ln -s "$tree" "$dir/build" ;;
    apart)
        cp -a "$tree" "/usr/src/linux-headers-$new"
        sed -i "s/$release/$new/" "/usr/src/linux-headers-$new/include/generated/utsrelease.h"
        ln -s "/usr/src/linux-headers-$new" "$dir/build"
        sed "s/$release/$new/g" "$info/linux-headers-$release.list" > "$info/linux-headers-$new.list"
        printf '\nPackage: linux-headers-%s\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: amd64\nVersion: 1\nDescription: a copy\n' "$new" >> /var/lib/dpkg/status
        printf '/boot/vmlinuz-%s\n' "$new" > "$info/linux-image-$new.list"
        printf '\nPackage: linux-image-%s\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: amd64\nVersion: 1\nDescription: a copy\n' "$new" >> /var/lib/dpkg/status
        ;;
    esac
    number=$((number + 1))
done
