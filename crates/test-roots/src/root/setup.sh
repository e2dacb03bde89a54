# SPDX-License-Identifier: MIT OR Apache-2.0
# Puts a throw-away system together and then holds it until its standard input ends.
# Process 1 of new mount and pid namespaces; all mounts made here are private and go with its last process.
#   $1 tree     throwaway: overlay with a tmpfs on top · layer: overlay that keeps what is written · inplace: a directory as it is
#   $2 place    an empty directory to mount on
#   $3 view     live: this becomes the root of process 1 · chroot: it does not
#   $4 release  what /proc/sys/kernel/osrelease is to say; empty: what it says
#   $5 stage    layer only: directory with root/ (upper) and work/
#   $6...       the directories below, topmost first; inplace: the directory
set -eu
umask 022
tree=$1 place=$2 view=$3 release=$4 stage=$5
shift 5

# /proc is still the one outside, so this is our number as those see it who want to enter.
read -r number _ </proc/self/stat

mount -t tmpfs -o mode=0755 kbuild-guard "$place"
cd "$place"
mkdir root stage

if [ "$tree" = inplace ]; then
    mount --bind "$1" root
else
    # Bound to short relative names: a colon or comma in a path would end an overlay option.
    below=
    count=0
    for layer; do
        mkdir "below$count"
        mount --bind "$layer" "below$count"
        below=$below${below:+:}below$count
        count=$((count + 1))
    done
    if [ "$tree" = layer ]; then
        mount --bind "$stage" stage
        # Without these features the upper directory is whole by itself and can be copied.
        # volatile: dpkg waits for the disk after every file; who builds a layer asks for that once, at the end.
        features=,redirect_dir=off,metacopy=off,index=off,volatile
    else
        mkdir stage/root stage/work
        features=
    fi
    mount -t overlay -o "lowerdir=$below,upperdir=stage/root,workdir=stage/work$features" overlay root
fi

mount -t proc -o nosuid,nodev,noexec proc root/proc
mount -t tmpfs -o nosuid,noexec,mode=0755 dev root/dev
for node in null zero full random urandom tty; do
    : >"root/dev/$node"
    mount --bind "/dev/$node" "root/dev/$node"
done
mkdir root/dev/pts root/dev/shm
mount -t devpts -o newinstance,nosuid,noexec,ptmxmode=0666,mode=0620,gid=5 devpts root/dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 shm root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
ln -s fd/0 root/dev/stdin
ln -s fd/1 root/dev/stdout
ln -s fd/2 root/dev/stderr
mount -t tmpfs -o nosuid,nodev,mode=0755 run root/run
mkdir -m 1777 root/run/lock
mount -t tmpfs -o nosuid,nodev,mode=1777 tmp root/tmp

if [ -n "$release" ]; then
    printf '%s\n' "$release" >osrelease
    mount --bind osrelease root/proc/sys/kernel/osrelease
fi
if [ -r /etc/resolv.conf ]; then
    # It may be a link that leads nowhere in here, and must not lead out.
    rm -f root/etc/resolv.conf
    cat /etc/resolv.conf >root/etc/resolv.conf
fi

if [ "$view" = live ]; then
    mkdir root/run/outside
    cd root
    pivot_root . run/outside
    cd /
    umount -l /run/outside
    rmdir /run/outside
else
    cd /
fi

echo "ready $number"
# SIGCHLD ignored: the kernel reaps what is left to process 1.
exec env --ignore-signal=CHLD cat >/dev/null 2>&1
