# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs the newest cloud kernel (the smallest one) with its headers: what the package that leads to it needs.
apt-get update
flavour=cloud-$(dpkg --print-architecture)
headers=$(apt-cache depends "linux-headers-$flavour" | sed -nE 's/^ *Depends: (linux-headers-[^ :]*).*/\1/p')
release=${headers#linux-headers-}
apt-get install --yes --option APT::Keep-Downloaded-Packages=false "linux-image-$release" "$headers"
echo "release: $release"
