# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes of a system that was only ever entered one that boots: an init, an initial ramdisk for each kernel, and a unit
# that runs what a second disk brings.
# The lists are as old as the base below, and Debian keeps no package that has a newer version.
apt-get install --yes systemd-sysv || { apt-get update && apt-get install --yes systemd-sysv; }

# Only what leads to a disk of qemu's: every further module is time in the emulator. ext4 is built in.
sed -i 's/^MODULES=.*/MODULES=list/' /etc/initramfs-tools/initramfs.conf
printf 'virtio_pci\nvirtio_blk\n' >>/etc/initramfs-tools/modules
for release in $RELEASES; do
    mkinitramfs -o "/boot/initrd.img-$release" "$release"
    echo "release: $release"
done

echo '/dev/vda / ext4 defaults 0 1' >/etc/fstab
echo test-root >/etc/hostname
# A fresh one would be a first boot, with questions and presets.
systemd-machine-id-setup
systemctl set-default multi-user.target
# Nobody logs in, nothing is to happen by itself, and the network is not there to wait for.
systemctl mask getty.target serial-getty@ttyS0.service unattended-upgrades.service apt-daily.timer \
    apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-timesyncd.service

cat >/etc/systemd/system/brought.service <<'UNIT'
[Unit]
Description=What the second disk brings
After=multi-user.target

[Service]
Type=oneshot
# A tape archive needs no file system. The script reports on the second serial line and powers off.
ExecStart=/bin/sh -c 'mkdir /run/brought && tar -x -C /run/brought -f /dev/vdb && exec sh /run/brought/run'

[Install]
WantedBy=multi-user.target
UNIT
systemctl enable brought.service
