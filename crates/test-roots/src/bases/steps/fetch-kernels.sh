# SPDX-License-Identifier: MIT OR Apache-2.0
# Downloads the newest three cloud kernels (the smallest ones) that have headers, with all that they and a real DKMS
# module need. Which ones there are changes in the registry from week to week, so they are chosen now.
flavour=cloud-$(dpkg --print-architecture)

# apt-cache search lists only packages that can be had.
releases_with() {
    apt-cache search --names-only "^linux-$1-6[.]1[.]0-[0-9]+-$flavour\$" | sed "s/^linux-$1-//; s/ .*//" | sort
}
releases_with image >/tmp/images
releases_with headers >/tmp/headers
releases=$(comm -12 /tmp/images /tmp/headers | sort -V | tail -n 3)
if [ "$(echo "$releases" | wc -w)" -ne 3 ]; then
    echo "three $flavour kernels with headers are needed, and the registry has: $releases"
    exit 1
fi

packages=acpi-call-dkms
for release in $releases; do
    packages="$packages linux-image-$release linux-headers-$release"
    echo "release: $release"
done
# shellcheck disable=SC2086
apt-get install --yes --download-only $packages
