# SPDX-License-Identifier: MIT OR Apache-2.0
# A kernel in two flavours, and a second version of one of them, in packages laid out as openSUSE Tumbleweed's are
# (rpm/kernel-binary.spec.in of kernel-source): kernel-FLAVOUR-devel owns the links and the tree of what was built, whose
# Makefile includes the source in kernel-devel, which all flavours share.
repository=/srv/kernels/opensuse
mkdir -p "$repository"
cat >/srv/build/opensuse.spec <<'SPEC'
%define __spec_install_post %{nil}
%define debug_package %{nil}
%define _binary_payload w1.zstdio
%define _build_id_links none
%define source_release %{kernel_version}-%{kernel_release}
%define sources /usr/src/linux-%{source_release}
%define objects /usr/src/linux-%{source_release}-obj/x86_64

Name: kernel-source
Version: %{kernel_version}
Release: %{kernel_release}.1
Summary: What the others are made of
License: GPL-2.0-only
%description
Laid out as openSUSE's.

%package -n kernel-devel
Summary: The source that modules of every flavour are built with
BuildArch: noarch
AutoReqProv: no
Provides: multiversion(kernel)
Provides: kernel-devel = %{source_release}
%description -n kernel-devel
Laid out as openSUSE's.
%files -n kernel-devel
%{sources}

%{lua:
for flavour in string.gmatch(rpm.expand("%{flavours}"), "%w+") do
    local text = [[
%package -n kernel-FLAVOUR
Summary: The kernel
AutoReqProv: no
Provides: multiversion(kernel)
Provides: kernel = %{source_release}
%description -n kernel-FLAVOUR
Laid out as openSUSE's.
%post -n kernel-FLAVOUR
if [ -x /sbin/depmod ]; then
    /sbin/depmod -a %{source_release}-FLAVOUR
fi
%files -n kernel-FLAVOUR
%dir /usr/lib/modules/%{source_release}-FLAVOUR
/usr/lib/modules/%{source_release}-FLAVOUR/kernel
/usr/lib/modules/%{source_release}-FLAVOUR/modules.order
/usr/lib/modules/%{source_release}-FLAVOUR/modules.builtin
/usr/lib/modules/%{source_release}-FLAVOUR/modules.builtin.modinfo
/usr/lib/modules/%{source_release}-FLAVOUR/vmlinuz
/usr/lib/modules/%{source_release}-FLAVOUR/System.map
/usr/lib/modules/%{source_release}-FLAVOUR/config
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.alias
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.alias.bin
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.builtin.alias.bin
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.builtin.bin
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.dep
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.dep.bin
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.devname
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.softdep
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.symbols
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.symbols.bin
%ghost /usr/lib/modules/%{source_release}-FLAVOUR/modules.weakdep
/boot/vmlinuz-%{source_release}-FLAVOUR

%package -n kernel-FLAVOUR-devel
Summary: The tree that modules are built in
AutoReqProv: no
Provides: multiversion(kernel)
Requires: kernel-devel = %{version}-%{release}
%description -n kernel-FLAVOUR-devel
Laid out as openSUSE's.
%files -n kernel-FLAVOUR-devel
/usr/lib/modules/%{source_release}-FLAVOUR/build
/usr/lib/modules/%{source_release}-FLAVOUR/source
%dir /usr/src/linux-%{source_release}-obj
%dir %{objects}
%{objects}/FLAVOUR
]]
    print(rpm.expand((text:gsub("FLAVOUR", flavour))))
end
}

%install
mkdir -p %{buildroot}%{sources} %{buildroot}%{objects} %{buildroot}/usr/lib/modules %{buildroot}/boot
# The words of scripts/package/install-extmod-build: what it takes from the source, and what from what was built.
cd /srv/build/linux-source-6.12
{
    echo Makefile
    find arch/x86 -maxdepth 1 -name 'Makefile*'
    find arch/x86 -name generated -prune -o -name include -type d -print
    find include \( -name config -o -name generated \) -prune -o \( -type f -o -type l \) -print
    find scripts \( -name atomic -o -name dtc -o -name kconfig -o -name package \) -prune -o \
        \( -type f -o -type l \) -print
} | tar -cf - -T - | tar -xf - -C %{buildroot}%{sources}
for flavour in %{flavours}; do
    release=%{source_release}-$flavour
    modules=%{buildroot}/usr/lib/modules/$release
    objects=%{buildroot}%{objects}/$flavour
    cp -a /srv/build/stage/$release/modules $modules
    for index in alias alias.bin builtin.alias.bin builtin.bin dep dep.bin devname softdep symbols symbols.bin weakdep; do
        touch $modules/modules.$index
    done
    ln -s ../usr/lib/modules/$release/vmlinuz %{buildroot}/boot/vmlinuz-$release
    ln -s %{objects}/$flavour $modules/build
    ln -s %{sources} $modules/source
    cp -a /srv/build/stage/$release/headers $objects
    # What the source has as well is not among what was built.
    cd %{buildroot}%{sources}
    find . \( -type f -o -type l \) -print0 | (cd $objects && xargs -0 rm -f)
    cd $objects
    find . -depth -type d -empty -delete
    cp /srv/build/stage/$release/modules/config .config
    printf 'export KBUILD_OUTPUT = %s\ninclude ../../../linux-%s/Makefile\n' %{objects}/$flavour %{source_release} >Makefile
done
SPEC
for stage in /srv/build/stage/*-default; do
    release=${stage##*/}
    version=${release%-default}
    flavours=default
    if [ -e "/srv/build/stage/$version-rt" ]; then
        flavours='default rt'
    fi
    rpmbuild -bb --quiet --target x86_64 --define "kernel_version ${version%-*}" --define "kernel_release ${version#*-}" \
        --define "flavours $flavours" /srv/build/opensuse.spec
    for flavour in $flavours; do
        echo "$version-$flavour" >>/srv/kernels/releases
    done
done
find /srv/rpmbuild/RPMS -name '*.rpm' -exec mv '{}' "$repository/" ';'
rm -r /srv/rpmbuild /srv/build
createrepo_c --quiet "$repository"
