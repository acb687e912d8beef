#!/bin/sh
# Makes of a root folder (root.sh) a disk, and the initramfs that boots from it with Debian's kernel (kernel.sh).
#
#   disk.sh KERNEL ROOT CHECKOUT DISK INITRAMFS
#
# The host's checkout is at /host in the guest, as in the container.
set -eu
kernel=$1 root=$2 checkout=$3 disk=$4 initramfs=$5
release=$(ls "$kernel/root/lib/modules")
from=$kernel/root/lib/modules/$release
to=$root/lib/modules/$release
mkdir -p "$to/kernel/drivers/net" "$to/kernel/drivers/char" "$to/kernel/fs"
cp "$from"/modules.* "$to"
for part in net lib crypto arch/x86/crypto; do
  mkdir -p "$to/kernel/$(dirname $part)"
  cp -r "$from/kernel/$part" "$to/kernel/$part"
done
cp "$from/kernel/drivers/net/veth.ko" "$to/kernel/drivers/net"
depmod -b "$root" "$release"
mke2fs -q -t ext4 -d "$root" "$disk" 1200M

initrd=$(mktemp -d)
trap 'rm -rf "$initrd"' EXIT
cp -r "$kernel/initrd/." "$initrd"
for module in virtio_blk ext4; do
  modprobe -d "$kernel/root" -S "$release" --show-depends "$module" | sed -n 's/^insmod //p'
done | sort -u | while read -r file; do
  inside=${file#"$kernel"/root}
  mkdir -p "$initrd/$(dirname "$inside")"
  cp "$file" "$initrd/$inside"
done
cat > "$initrd/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in crc32c_generic virtio_pci virtio_blk ext4 9pnet_virtio 9p; do modprobe "\$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose host /lower || exec sh
mount -t ext4 /dev/vda /new || exec sh
mount --bind "/lower$checkout" /new/host
umount -l /lower
for folder in proc sys dev; do mount --move "/\$folder" "/new/\$folder"; done
exec switch_root /new /sbin/init
INIT
(cd "$initrd" && find . | cpio -o -H newc --quiet | gzip -1) > "$initramfs"
