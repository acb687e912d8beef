#!/bin/sh
# Runs a command in that Debian 13, with the kernel, the processes and the devices of this machine, and this checkout at /checkout:
#
#   enter.sh COMMAND…
#
# All mounts are in a mount namespace of their own, and go with the command.
set -eu
cd "$(dirname "$0")/../.."
exec unshare --mount --propagation private sh -euc '
root=$PWD/node_modules/.cache/flypaperd-debian13/root
mount --bind "$root" "$root"
mount --bind "$PWD" "$root/checkout"
for folder in dev proc sys; do mount --rbind "/$folder" "$root/$folder"; done
cd "$root"
pivot_root . outside
exec sh -euc '\''
umount -l /outside
cd /checkout
PATH=/checkout/node_modules/.bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
exec "$@"'\'' sh "$@"' sh "$@"
