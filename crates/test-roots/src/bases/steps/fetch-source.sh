# SPDX-License-Identifier: MIT OR Apache-2.0
# Unpacks Debian's kernel source into a user's home directory.
packages="linux-source-6.1 bc bison flex libelf-dev"
# The lists are as old as the base below, and Debian keeps no package that has a newer version.
# shellcheck disable=SC2086
apt-get install --yes $packages || { apt-get update && apt-get install --yes $packages; }

useradd --create-home felix
tar -C /home/felix -xf /usr/src/linux-source-6.1.tar.xz
mv /home/felix/linux-source-6.1 /home/felix/linux
chown -R felix: /home/felix/linux

# 280 MB that nobody reads again.
apt-get purge --yes linux-source-6.1
rm -f /var/cache/apt/archives/linux-source-6.1_*.deb
