#!/bin/sh
# Makes the root of a small Debian 12 with the firewall managers of its packages, in which house.ts runs them.
# They are not installed on this machine: their services would start here, and change its own firewall.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=node_modules/.cache/flypaperd-beside
packages=ufw,firewalld,dbus,docker.io,iptables,nftables,iproute2,procps,kmod,busybox-static

[ "$(id -u)" = 0 ] || { echo 'test:beside needs root: it runs the real managers, Docker among them' >&2; exit 69; }
[ ! "$cache/root" -nt "$here/root.sh" ] || exit 0
echo 'beside: making a Debian 12' >&2
rm -rf "$cache" && mkdir -p "$cache/stage"
# In a mount namespace of its own: what it mounts goes with it, also when it is killed.
unshare --mount --propagation private mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$cache/root-new"
touch "$cache/root-new"
mv "$cache/root-new" "$cache/root"
