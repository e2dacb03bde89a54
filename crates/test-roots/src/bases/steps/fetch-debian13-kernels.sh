# SPDX-License-Identifier: MIT OR Apache-2.0
# Downloads the newest three cloud kernels of Debian 13 (the smallest ones) that have headers, with all that they and a
# real DKMS module need. A release there is the upstream version with a suffix: 6.12.115+deb13, 6.12.115+deb13.1.
flavour=cloud-$(dpkg --print-architecture)

# apt-cache search lists only packages that can be had. The archive keeps images whose headers are gone from it.
releases_with() {
    apt-cache search --names-only "^linux-$1-6[.]12[.][0-9]+[+]deb13([.][0-9]+)?-$flavour\$" |
        sed "s/^linux-$1-//; s/ .*//" | sort
}
releases_with image >/tmp/images
releases_with headers >/tmp/headers
releases=$(comm -12 /tmp/images /tmp/headers | sort -V | tail -n 3)
if [ "$(echo "$releases" | wc -w)" -ne 3 ]; then
    echo "three $flavour kernels with headers are needed, and the archive has: $releases"
    exit 1
fi

packages="acpi-call-dkms linux-image-$flavour linux-headers-$flavour"
for release in $releases; do
    packages="$packages linux-image-$release linux-headers-$release"
    echo "release: $release"
done
# shellcheck disable=SC2086
apt-get install --yes --download-only $packages
# What apt puts in the place of an image that is removed while its headers stay: they depend on one of the two.
apt-get install --yes --download-only "linux-image-$release-unsigned"
