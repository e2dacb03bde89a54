# SPDX-License-Identifier: MIT OR Apache-2.0
# Puts a copy of every header tree into /srv/trees, leads every kernel there, and has dpkg forget the packages: trees of
# which no list of files tells what they should hold.
mkdir -p /srv/trees
cp -a /usr/src/linux-headers-* /usr/lib/linux-kbuild-* /srv/trees/

# The packages' own links and include lines name the places that they were made for.
for link in /srv/trees/linux-headers-*/scripts /srv/trees/linux-headers-*/tools; do
    target=$(readlink "$link")
    ln -sfn "../${target#../../lib/}" "$link"
done
for makefile in /srv/trees/linux-headers-*/Makefile; do
    if [ "$(wc -l <"$makefile")" -eq 1 ]; then
        sed -i 's,^include /usr/src/,include /srv/trees/,' "$makefile"
    fi
done

# shellcheck disable=SC2046
dpkg --purge --force-depends $(dpkg-query --show --showformat '${Package}\n' 'linux-headers-*' 'linux-kbuild-*' |
    while read -r package; do
        if [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package")" = installed ]; then
            echo "$package"
        fi
    done)

for release in $RELEASES; do
    ln -sfn "/srv/trees/linux-headers-$release" "/lib/modules/$release/build"
    # It has to build there, and nowhere else.
    directory=$(mktemp -d)
    printf 'obj-m := m.o\n' >"$directory/Makefile"
    printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >"$directory/m.c"
    make -C "/lib/modules/$release/build" M="$directory" modules
    test -f "$directory/m.ko"
    rm -r "$directory"
    echo "release: $release"
done
