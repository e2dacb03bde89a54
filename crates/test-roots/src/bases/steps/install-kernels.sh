# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs what lies in apt's cache, and sees to it that dkms has really built its module for every kernel.
packages=acpi-call-dkms
for release in $RELEASES; do
    packages="$packages linux-image-$release linux-headers-$release"
done
# shellcheck disable=SC2086
apt-get install --yes --no-download $packages

for release in $RELEASES; do
    if ! dkms status -k "$release" | grep -q 'acpi.call.*: installed'; then
        echo "dkms has not built its module for $release:"
        dkms status
        exit 1
    fi
    echo "release: $release"
done
