# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs the kernel that felix has built, and makes of its source every kind of tree that people build modules in.
# They are root's and lie in /usr/src, so that nothing is to be said against their place.
full=/usr/src/felix-full source=/usr/src/felix-source
release=$(make --no-print-directory --silent -C /home/felix/linux kernelrelease)
make -C /home/felix/linux modules_install install >/dev/null
mv /home/felix/linux "$full"
chown -R root: "$full"

# A clean source, for what is built elsewhere.
mkdir "$source"
tar -C "$full" --exclude='*.o' --exclude='*.a' --exclude=./vmlinux -cf - . | tar -C "$source" -xf -
make -C "$source" mrproper >/dev/null

# O=, whole.
mkdir /usr/src/felix-o
cp "$full/.config" /usr/src/felix-o/
make -C "$source" O=/usr/src/felix-o --jobs="$(nproc)" bzImage modules >/dev/null

# Only prepared, with the symbols of the kernel as it was built, as many do to save the time.
mkdir /usr/src/felix-prepared
cp "$full/.config" /usr/src/felix-prepared/
make -C "$source" O=/usr/src/felix-prepared modules_prepare >/dev/null
cp "$full/Module.symvers" /usr/src/felix-prepared/

# What `make bindeb-pkg` puts into a headers package: its own selection, by its own words.
cd "$full"
sed -n '/^deploy_kernel_headers/,/^}/p' scripts/package/builddeb >/tmp/deploy.sh
mkdir -p debian
cat >>/tmp/deploy.sh <<'DEPLOY'
is_enabled() {
    grep -q "^$1=y" include/config/auto.conf
}
srctree=. SRCARCH=x86 KCONFIG_CONFIG=.config version=$1
deploy_kernel_headers /tmp/package
DEPLOY
sh -e /tmp/deploy.sh "$release"
mv "/tmp/package/usr/src/linux-headers-$release" /usr/src/felix-package
rm -r debian /tmp/package /tmp/deploy.sh

for tree in full o prepared package; do
    directory=$(mktemp -d)
    printf 'obj-m := m.o\n' >"$directory/Makefile"
    printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >"$directory/m.c"
    make -C "/usr/src/felix-$tree" M="$directory" modules
    test -f "$directory/m.ko"
    rm -r "$directory"
done
ln -sfn "$full" "/lib/modules/$release/build"
ln -sfn "$full" "/lib/modules/$release/source"
echo "release: $release"
