#!/bin/sh
# Unpacks Debian's kernel with its modules into a cache folder, without installing it, and makes an initramfs that
# mounts the host's root read-only. Prints the kernel's release. Nothing outside the folder is changed.
set -eu
cache=$1
script=$(realpath "$0")
mkdir -p "$cache"
cd "$cache"
if [ ! initramfs -nt "$script" ]; then
  package=$(apt-cache search --names-only '^linux-image-6\.1\.0-[0-9]+-amd64$' | sort -V | tail -n 1 | cut -d' ' -f1)
  if [ -z "$package" ]; then
    apt-get -qq update >&2
    package=$(apt-cache search --names-only '^linux-image-6\.1\.0-[0-9]+-amd64$' | sort -V | tail -n 1 | cut -d' ' -f1)
  fi
  echo "vm: unpacking $package" >&2
  rm -rf root initrd && mkdir root initrd
  apt-get -qq download "$package" >&2
  dpkg-deb -x "$package"_*.deb root
  rm "$package"_*.deb
  release=$(ls root/lib/modules)
  depmod -b root "$release"
  mkdir -p initrd/bin initrd/proc initrd/sys initrd/dev initrd/lower initrd/rw initrd/new "initrd/lib/modules/$release"
  cp "$(command -v busybox)" initrd/bin/busybox
  cp root/lib/modules/"$release"/modules.* "initrd/lib/modules/$release/"
  # busybox's modprobe ignores soft dependencies, crc32c_generic among them.
  for module in crc32c_generic virtio_pci 9p 9pnet_virtio overlay; do
    modprobe -d "$PWD/root" -S "$release" --show-depends "$module" | sed -n 's/^insmod //p'
  done | sort -u | while read -r file; do
    mkdir -p "initrd/$(dirname "${file#"$PWD"/root}")"
    cp "$file" "initrd/${file#"$PWD"/root}"
  done
  cat > initrd/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in crc32c_generic virtio_pci 9pnet_virtio 9p overlay; do modprobe "$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose host /lower || exec sh
mount -t tmpfs tmpfs /rw && mkdir /rw/upper /rw/work
mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work overlay /new
for folder in proc sys dev; do mount --move "/$folder" "/new/$folder"; done
mount -t tmpfs tmpfs /new/run
checkout=$(sed -n 's/.*flypaperd\.checkout=\([^ ]*\).*/\1/p' /new/proc/cmdline)
exec switch_root /new /bin/sh "$checkout/test/vm/inside/init.sh"
INIT
  chmod +x initrd/init
  cp root/boot/vmlinuz-"$release" vmlinuz
  (cd initrd && find . | cpio -o -H newc --quiet | gzip) > initramfs.new
  mv initramfs.new initramfs
fi
ls root/lib/modules
