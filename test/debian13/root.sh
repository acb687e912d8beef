#!/bin/sh
# Makes the root of a small Debian 13: another nft, another libnftables, another userland than this machine's Debian 12.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=node_modules/.cache/flypaperd-debian13
# What scripts/setup.sh wants for the tests, as far as the files that run here need it.
packages=nftables,iproute2,iptables,procps,util-linux,perl,nmap,netcat-openbsd,iputils-ping,conntrack,curl,socat

[ "$(id -u)" = 0 ] || { echo 'test:debian13 needs root: it changes its root folder' >&2; exit 69; }
[ ! "$cache/root" -nt "$here/root.sh" ] || exit 0
echo 'debian13: making a Debian 13' >&2
rm -rf "$cache" && mkdir -p "$cache"
# In a mount namespace of its own: what it mounts goes with it, also when it is killed.
unshare --mount --propagation private mmdebstrap --quiet --variant=minbase --include="$packages" trixie "$cache/root-new"
mkdir -p "$cache/root-new/checkout" "$cache/root-new/outside"
touch "$cache/root-new"
mv "$cache/root-new" "$cache/root"
