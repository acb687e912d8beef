#!/bin/sh
# Makes the root of a small Debian 12 with systemd, in which the tests of SERIES-*.test.ts run by themselves, one file a boot.
#
#   root.sh CACHE FOLDER CHECKOUT PATIENCE PACKAGE NEXT_PACKAGE [SERIES [DEBIAN_PACKAGE]]
#
# CACHE keeps the downloaded part, CHECKOUT is where the guest finds the checkout, PACKAGE and NEXT_PACKAGE are .deb files. SERIES is "boot"
# unless told; DEBIAN_PACKAGE is installed in addition, and has a downloaded part of its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$1 folder=$2 checkout=$3 patience=$4 package=$5 next_package=$6 series=${7-boot} more=${8-}
packages=${more:+$more,}systemd,systemd-sysv,udev,kmod,nftables,iproute2,procps,strace,netcat-openbsd,libstdc++6

mkdir -p "$cache" "$folder"
tar=$cache/root${more:+-$more}.tar
if [ ! -e "$tar" ] || [ "$here/root.sh" -nt "$tar" ]; then
  echo "systemd: making a Debian 12${more:+ with $more}" >&2
  # In a mount namespace of its own: what it mounts goes with it, also when it is killed.
  unshare --mount --propagation private mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$cache/root-new.tar"
  mv "$cache/root-new.tar" "$tar"
fi
tar -xf "$tar" -C "$folder"

cp "$package" "$folder/root/flypaperd.deb"
cp "$next_package" "$folder/root/flypaperd-next.deb"
echo 127.0.0.1 localhost > "$folder/etc/hosts"
echo gate > "$folder/etc/hostname"
echo uninitialized > "$folder/etc/machine-id"
mkdir -p "$folder/etc/systemd/system/default.target.wants" "$folder/host" "$folder/var/log/journal"
cat > "$folder/etc/systemd/system/boots.service" <<UNIT
[Unit]
Description=The tests
After=multi-user.target

[Service]
Type=oneshot
Environment=FLYPAPERD_PATIENCE=$patience CI=true
WorkingDirectory=-$checkout
ExecStart=/bin/sh $checkout/test/vm/systemd/boots.sh $series
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
TimeoutStartSec=infinity
UNIT
ln -s ../boots.service "$folder/etc/systemd/system/default.target.wants/boots.service"
for unit in getty.target systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer systemd-timesyncd.service; do
  ln -sf /dev/null "$folder/etc/systemd/system/$unit"
done
