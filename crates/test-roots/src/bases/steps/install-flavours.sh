# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs the newest kernel of each further flavour, with its headers.
apt-get update
architecture=$(dpkg --print-architecture)
for flavour in rt-$architecture $architecture; do
    # apt-cache search lists only packages that can be had; a release has no letters before its flavour but Debian's mark.
    release=$(apt-cache search --names-only "^linux-headers-6[.][0-9.]+(-[0-9]+|[+]deb[0-9]+([.][0-9]+)?)-$flavour\$" |
        sed 's/^linux-headers-//; s/ .*//' | sort -V | tail -n 1)
    test -n "$release"
    apt-get install --yes "linux-image-$release" "linux-headers-$release"
    echo "release: $release"
done
# Nobody installs from it again.
rm -f /var/cache/apt/archives/linux-image-*.deb
