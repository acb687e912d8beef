# The first process of a house, in mount, process and network namespaces of its own: `house.sh ROOT STAGE`.
# ROOT is seen through an overlay, so that every house has it to itself, and nothing of it is left.
set -e
root=$1 stage=$2
mount --make-rprivate /
mount -t tmpfs tmpfs "$stage"
mkdir "$stage/upper" "$stage/work" "$stage/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$stage/upper,workdir=$stage/work" "$stage/root"
cd "$stage/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir run/lock run/dbus old
pivot_root . old
umount -l old
echo ready
exec cat
