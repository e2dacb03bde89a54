# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs Debian's testers of packages, and lays what our tests ask them for into apt's cache: the meta-packages of the
# newest kernel and its headers, and all that they lead to.
apt-get update
apt-get install --yes --no-install-recommends autopkgtest piuparts mmdebstrap
architecture=$(dpkg --print-architecture)
apt-get install --yes --no-install-recommends --download-only \
    "linux-image-cloud-$architecture" "linux-headers-cloud-$architecture" python3
