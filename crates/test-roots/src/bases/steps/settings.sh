# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes a fresh Debian system quiet, quick, and able to install what is in apt's cache without a network.

# Nothing here may delete the .debs in apt's cache: tests install from them, again and again.
cat >/etc/apt/apt.conf.d/90test-roots <<'CONF'
APT::Keep-Downloaded-Packages "true";
Binary::apt::APT::Keep-Downloaded-Packages "true";
APT::Periodic::Enable "0";
APT::Periodic::AutocleanInterval "0";
APT::Periodic::CleanInterval "0";
Unattended-Upgrade::Keep-Debs-After-Install "true";
Acquire::Retries "3";
CONF
rm -f /etc/apt/apt.conf.d/docker-clean

# No service is started in a throw-away system.
cat >/usr/sbin/policy-rc.d <<'POLICY'
#!/bin/sh
exit 101
POLICY
chmod 755 /usr/sbin/policy-rc.d

# An initramfs for each kernel costs minutes and proves nothing about module builds. Diverted before initramfs-tools
# comes, so that it never lands under this name.
dpkg-divert --local --rename --add --divert /usr/sbin/update-initramfs.real /usr/sbin/update-initramfs
cat >/usr/sbin/update-initramfs <<'NOTHING'
#!/bin/sh
exit 0
NOTHING
chmod 755 /usr/sbin/update-initramfs
