# SPDX-License-Identifier: MIT OR Apache-2.0
# Unpacks header packages of other distributions' releases and of other machines, each with the packages that its tree
# leads into: a small system of its own in /srv/RELEASE. Which packages those are is what they depend on, as apt reads
# it where the newest headers of that flavour are asked for.

# suite:architecture:flavour
trees='bullseye:amd64:amd64 bookworm:i386:686 bookworm:arm64:arm64 bookworm:amd64:rt-amd64
       sid:amd64:amd64 sid:arm64:arm64 sid:riscv64:riscv64'

work=/tmp/header-packages
export APT_CONFIG=$work/apt.conf

# An apt of its own for that suite and machine. What is no longer on the mirrors goes to the archive. A mirror that stands
# still has sid's lists beyond their date; they are signed all the same.
use() {
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    : >"$work/status"
    cat >"$APT_CONFIG" <<CONF
APT::Architecture "$2";
APT::Architectures { "$2"; };
Dir::State "$work";
Dir::State::status "$work/status";
Dir::Cache "$work";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Update::Error-Mode "any";
CONF
    for mirror in deb archive; do
        echo "deb http://$mirror.debian.org/debian $1 main" >"$work/sources.list"
        if apt-get update; then
            return 0
        fi
    done
    return 1
}

# The packages of kernel headers that this one needs.
needs() {
    apt-cache depends "$1" | sed -nE 's/^ *Depends: (linux-(headers|kbuild)-[^ :]*).*/\1/p'
}

for tree in $trees; do
    suite=${tree%%:*}
    flavour=${tree##*:}
    architecture=${tree#*:}
    architecture=${architecture%:*}
    rm -rf "$work"
    mkdir "$work"
    cd "$work"
    use "$suite" "$architecture"
    headers=$(needs "linux-headers-$flavour")
    # shellcheck disable=SC2046
    apt-get download "$headers" $(needs "$headers")
    release=${headers#linux-headers-}
    for deb in *.deb; do
        dpkg-deb -x "$deb" "/srv/$release"
    done
    echo "release: $release"
done
cd /
rm -rf "$work"
