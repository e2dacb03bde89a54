# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs the front ends, and fetches the packages that always bring the newest kernel and its headers.
flavour=cloud-$(dpkg --print-architecture)
newest=${RELEASES##* }

apt-get update
apt-get install --yes --no-install-recommends aptitude nala packagekit packagekit-tools
apt-get install --yes --download-only "linux-image-$flavour" "linux-headers-$flavour"

# They must fit the kernels that are here, so that a test can install them without a network.
if ! apt-cache depends "linux-headers-$flavour" | grep -q "linux-headers-$newest\$"; then
    echo "linux-headers-$flavour is of a newer kernel than $newest: remove the base debian12 from the cache"
    exit 1
fi

for release in $RELEASES; do
    echo "release: $release"
done
