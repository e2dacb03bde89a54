# SPDX-License-Identifier: MIT OR Apache-2.0
# A system with apt and nothing else, in /srv/minimal. Its only source of packages is /repository, which a test fills:
# piuparts asks that source for the version before, and nothing of the network.
mmdebstrap --variant=apt --aptopt='Acquire::Retries "3"' bookworm /srv/minimal
rm -rf /srv/minimal/var/lib/apt/lists/* /srv/minimal/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:///repository ./' >/srv/minimal/etc/apt/sources.list
