# SPDX-License-Identifier: MIT OR Apache-2.0
# Three versions of a kernel in packages laid out as Fedora's are (redhat/kernel.spec.template of kernel-ark):
# kernel-modules-core owns the links, kernel-devel the tree that they lead to, and each can be installed in several
# versions side by side.
repository=/srv/kernels/fedora
mkdir -p "$repository"
cat >/srv/build/fedora.spec <<'SPEC'
%define __spec_install_post %{nil}
%define debug_package %{nil}
%define _binary_payload w1.zstdio
%define _build_id_links none
%define uname %{version}-%{release}.%{_target_cpu}
%define stage /srv/build/stage/%{uname}
%define modules /lib/modules/%{uname}

Name: kernel
Version: %{kernel_version}
Release: %{kernel_release}
Summary: What leads to the parts of a kernel
License: GPL-2.0-only
AutoReqProv: no
Provides: installonlypkg(kernel)
Requires: kernel-core-uname-r = %{uname}
Requires: kernel-modules-core-uname-r = %{uname}
%description
Laid out as Fedora's.
%files

%package core
Summary: The image
AutoReqProv: no
Provides: installonlypkg(kernel)
Provides: kernel-uname-r = %{uname}
Provides: kernel-core-uname-r = %{uname}
Requires: kernel-modules-core-uname-r = %{uname}
%description core
Laid out as Fedora's.
%posttrans core
if [ -x /bin/kernel-install ]; then
    /bin/kernel-install add %{uname} %{modules}/vmlinuz || exit $?
fi
%preun core
if [ -x /bin/kernel-install ]; then
    /bin/kernel-install remove %{uname} || exit $?
fi
%files core
%{modules}/vmlinuz
%{modules}/System.map
%{modules}/config
%ghost /boot/vmlinuz-%{uname}

%package modules-core
Summary: The modules, and the links to the tree they are built in
AutoReqProv: no
Provides: installonlypkg(kernel-module)
Provides: kernel-modules-core-uname-r = %{uname}
Requires: kernel-uname-r = %{uname}
%description modules-core
Laid out as Fedora's.
%posttrans modules-core
if [ -x /sbin/depmod ]; then
    /sbin/depmod -a %{uname}
fi
%files modules-core
%dir %{modules}
%{modules}/kernel
%{modules}/modules.order
%{modules}/modules.builtin
%{modules}/modules.builtin.modinfo
%{modules}/build
%{modules}/source
%ghost %{modules}/modules.alias
%ghost %{modules}/modules.alias.bin
%ghost %{modules}/modules.builtin.alias.bin
%ghost %{modules}/modules.builtin.bin
%ghost %{modules}/modules.dep
%ghost %{modules}/modules.dep.bin
%ghost %{modules}/modules.devname
%ghost %{modules}/modules.softdep
%ghost %{modules}/modules.symbols
%ghost %{modules}/modules.symbols.bin
%ghost %{modules}/modules.weakdep

%package devel
Summary: The tree that modules are built in
AutoReqProv: no
Provides: installonlypkg(kernel)
Provides: kernel-devel-uname-r = %{uname}
%description devel
Laid out as Fedora's.
%files devel
/usr/src/kernels/%{uname}

%install
mkdir -p %{buildroot}/lib/modules %{buildroot}/usr/src/kernels %{buildroot}/boot
cp -a %{stage}/modules %{buildroot}%{modules}
cp -a %{stage}/headers %{buildroot}/usr/src/kernels/%{uname}
cp %{stage}/modules/config %{buildroot}/usr/src/kernels/%{uname}/.config
ln -s /usr/src/kernels/%{uname} %{buildroot}%{modules}/build
ln -s build %{buildroot}%{modules}/source
touch %{buildroot}/boot/vmlinuz-%{uname}
for index in alias alias.bin builtin.alias.bin builtin.bin dep dep.bin devname softdep symbols symbols.bin weakdep; do
    touch %{buildroot}%{modules}/modules.$index
done
SPEC
for stage in /srv/build/stage/*.fc41.x86_64; do
    release=${stage##*/}
    version=${release%%-*}
    rest=${release#*-}
    rpmbuild -bb --quiet --target x86_64 --define "kernel_version $version" --define "kernel_release ${rest%.x86_64}" \
        /srv/build/fedora.spec
    echo "$release" >>/srv/kernels/releases
done
find /srv/rpmbuild/RPMS -name '*.rpm' -exec mv '{}' "$repository/" ';'
rm -r /srv/rpmbuild
createrepo_c --quiet "$repository"
