# SPDX-License-Identifier: MIT OR Apache-2.0
# Tells dnf and zypper of the repositories in /srv/kernels, each of one layout. None is enabled: the layouts have packages
# of the same names.
for repository in /srv/kernels/*/; do
    repository=${repository%/}
    name=${repository##*/}
    cat >"/etc/yum.repos.d/$name.repo" <<REPO
[$name]
name=Kernels laid out as $name has them
baseurl=file://$repository
enabled=0
gpgcheck=0
metadata_expire=0
REPO
    sed 's/^baseurl=file:/baseurl=dir:/' "/etc/yum.repos.d/$name.repo" >"/etc/zypp/repos.d/$name.repo"
    printf 'autorefresh=1\ntype=rpm-md\n' >>"/etc/zypp/repos.d/$name.repo"
done
# As openSUSE has it: kernels are installed side by side.
printf '[main]\nmultiversion = provides:multiversion(kernel)\n' >/etc/zypp/zypp.conf
sed 's/^/release: /' /srv/kernels/releases
