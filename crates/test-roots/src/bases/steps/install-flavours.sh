# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs the newest kernel of each further flavour, with its headers: of Debian's own series, and of a later one where
# the archive has that too.
apt-get update
architecture=$(dpkg --print-architecture)
. /etc/os-release

# apt-cache search lists only packages that can be had.
newest() {
    apt-cache search --names-only "^linux-headers-$1-$2\$" | sed 's/^linux-headers-//; s/ .*//' | sort -V | tail -n 1
}
case $VERSION_ID in
12) own='6[.]1[.]0-[0-9]+' later='6[.]12[.][0-9]+[+]deb12([.][0-9]+)?' ;;
*) own='6[.]12[.][0-9]+[+]deb13([.][0-9]+)?' later= ;;
esac

for release in $(newest "$own" "rt-$architecture") $(newest "$own" "$architecture") \
    ${later:+$(newest "$later" "$architecture")}; do
    apt-get install --yes "linux-image-$release" "linux-headers-$release"
    echo "release: $release"
done
# Nobody installs from it again.
rm -f /var/cache/apt/archives/linux-image-*.deb
