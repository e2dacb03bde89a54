# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs a package that stands for the libraries every compiled program needs, so that packages of such programs can be
# installed as they are.
mkdir -p /srv/rpmbuild
{
    cat <<'SPEC'
Name: debian-libraries
Version: 1
Release: 1
Summary: What Debian's libraries provide
License: MIT OR Apache-2.0
BuildArch: noarch
Provides: rtld(GNU_HASH)
SPEC
    for library in libc.so.6 libm.so.6 libgcc_s.so.1 ld-linux-x86-64.so.2; do
        echo "/lib/x86_64-linux-gnu/$library"
    done | /usr/lib/rpm/elfdeps --provides | sort -u | sed 's/^/Provides: /'
    cat <<'SPEC'
%description
Stands for what is installed by dpkg.
%files
SPEC
} >/srv/rpmbuild/libraries.spec
rpmbuild -bb --quiet /srv/rpmbuild/libraries.spec
rpm --install /srv/rpmbuild/RPMS/noarch/debian-libraries-1-1.noarch.rpm
rm -r /srv/rpmbuild
