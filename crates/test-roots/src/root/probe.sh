# SPDX-License-Identifier: MIT OR Apache-2.0
# In new mount and pid namespaces: succeeds if everything that setup.sh mounts can be mounted.
#   $1  a directory that exists
set -eu
mount -t tmpfs probe "$1"
cd "$1"
mkdir below stage stage/root stage/work root proc
mount -t overlay -o lowerdir=below,upperdir=stage/root,workdir=stage/work overlay root
mount -t proc proc proc
