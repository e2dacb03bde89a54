# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes a Debian 12 ready to be upgraded to 13 as the release notes say (chapter 4), without a network later.
flavour=cloud-$(dpkg --print-architecture)

# What leads to the newest kernel, as every ordinary system has it: only so does the upgrade bring a new one.
apt-get install --yes "linux-image-$flavour" "linux-headers-$flavour"

find /etc/apt -name '*.list' -exec sed -i 's/bookworm/trixie/g' '{}' +
apt-get update
apt-get upgrade --yes --without-new-pkgs --download-only
apt-get full-upgrade --yes --download-only
for release in $RELEASES; do
    echo "release: $release"
done
