# SPDX-License-Identifier: MIT OR Apache-2.0
# Writes the layers of a base into a new disk image, in mounts of its own that go with it.
#   $1    mkfs.ext4
#   $2    the image to be
#   $3    an empty directory to mount on
#   $4... the layers, topmost first
set -eu
mkfs=$1 image=$2 place=$3
shift 3

mount -t tmpfs -o mode=0755 kbuild-guard "$place"
cd "$place"
mkdir all
# Bound to short relative names: a colon or comma in a path would end an overlay option.
below=
count=0
for layer; do
    mkdir "below$count"
    mount --bind "$layer" "below$count"
    below=$below${below:+:}below$count
    count=$((count + 1))
done
if [ "$count" -eq 1 ]; then
    mount --bind below0 all
else
    mount -t overlay -o "ro,lowerdir=$below" overlay all
fi

# Sparse: what is not used costs nothing. The inode tables are finished here, or the guest would do it.
"$mkfs" -q -F -O '^has_journal' -E lazy_itable_init=0,root_owner=0:0 -d all "$image" 6G
