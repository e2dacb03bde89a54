# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes a Debian system one of rpm packages: an rpm database, a repository in /srv/repository that dnf and zypper know and
# no other, and a package that stands for what Debian brings and rpm does not know of.

mkdir -p /etc/rpm /etc/yum.repos.d /etc/zypp/repos.d /etc/dnf/vars /srv/repository /srv/rpmbuild
# Debian 12's rpm has its database in the home directory, unlike dnf and zypper. rpm 6 wants every package signed, and
# all packages are made here, without keys.
cat >/etc/rpm/macros.test-roots <<'MACROS'
%_dbpath /var/lib/rpm
%_pkgverify_level digest
%_topdir /srv/rpmbuild
%_buildhost test-roots
MACROS
cat >/etc/yum.repos.d/local.repo <<'REPO'
[local]
name=Made here
baseurl=file:///srv/repository
enabled=1
gpgcheck=0
metadata_expire=0
REPO
cat >/etc/zypp/repos.d/local.repo <<'REPO'
[local]
name=Made here
enabled=1
autorefresh=1
baseurl=dir:///srv/repository
type=rpm-md
gpgcheck=0
REPO
# Nothing installed here says which release of a distribution this is, and dnf asks.
echo 1 >/etc/dnf/vars/releasever

rpm --initdb
# What programs of other packages require of the C library and gcc's, as rpm finds it out by itself; the loader's word is
# in every spec of glibc's.
libraries=$(find /lib/ /lib64/ '(' -name 'lib[cm].so.6' -o -name 'libgcc_s.so.1' -o -name 'ld-linux-*.so.*' ')' \
    | /usr/lib/rpm/elfdeps --provides | sort --unique | tr '\n' ' ')
cat >/srv/rpmbuild/debian.spec <<SPEC
Name: debian-underneath
Version: 1
Release: 1
Summary: What Debian's own packages bring
License: MIT OR Apache-2.0
BuildArch: noarch
# Without glibc the zypper of sid takes the system for a broken one.
Provides: /bin/sh /usr/bin/sh /bin/bash /usr/bin/bash coreutils kmod glibc
Provides: $libraries rtld(GNU_HASH)
%description
Stands for what is installed by dpkg.
%files
SPEC
cat >/srv/rpmbuild/bystander.spec <<'SPEC'
Name: bystander
Version: 1
Release: 1
Summary: Has nothing to do with kernels
License: MIT OR Apache-2.0
BuildArch: noarch
%description
One file.
%install
mkdir -p %{buildroot}/usr/share/bystander
echo bystander >%{buildroot}/usr/share/bystander/file
%files
/usr/share/bystander
SPEC
for spec in debian bystander; do
    rpmbuild -bb --quiet "/srv/rpmbuild/$spec.spec"
done
find /srv/rpmbuild/RPMS -name '*.rpm' -exec mv '{}' /srv/repository/ ';'
rm -r /srv/rpmbuild
createrepo_c --quiet /srv/repository
rpm --install /srv/repository/debian-underneath-1-1.noarch.rpm

# Each front end has to see the repository and what is installed, now and not in the first test.
dnf --quiet list --available bystander
zypper --non-interactive search --details bystander
if [ -e /usr/bin/dnf5 ]; then
    dnf5 --quiet list --available bystander
fi
