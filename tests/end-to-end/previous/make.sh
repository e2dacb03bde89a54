#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes the package of a previous version out of today's: make.sh TODAYS-DEB FOLDER-OF-THAT-VERSION DEB-TO-MAKE
set -eu
umask 022
today=$1 frozen=$2 made=$3
work=$(mktemp -d)
dpkg-deb --raw-extract "$today" "$work/new"
mkdir -p "$work/old/DEBIAN"
# Lower than today's version, whatever that is.
sed 's/^\(Version: .*\)/\1~previous/' "$work/new/DEBIAN/control" >"$work/old/DEBIAN/control"
cp "$frozen/postinst" "$frozen/postrm" "$frozen/triggers" "$work/old/DEBIAN/"
chmod 755 "$work/old/DEBIAN/postinst" "$work/old/DEBIAN/postrm"
while read -r file; do
    mkdir -p "$work/old${file%/*}"
    cp -p "$work/new$file" "$work/old$file"
done <"$frozen/files.txt"
cp "$frozen/apt.conf" "$work/old/usr/share/kbuild-guard/apt.conf"
(cd "$work/old" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
dpkg-deb -Znone --root-owner-group --build "$work/old" "$made" >/dev/null
rm -r "$work"
