#!/bin/sh
# The first process of the guest: modules, loopback, the tests; the exit status goes out by the serial line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
value() { sed -n "s/.*flypaperd\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
checkout=$(value checkout)
release=$(uname -r)
mkdir -p "/lib/modules/$release" /dev/pts /dev/shm
mount --bind "$(value modules)/$release" "/lib/modules/$release"
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null
for module in crc32c_generic nf_tables nft_queue nfnetlink_queue nfnetlink_log nft_log nft_ct nft_socket nf_conntrack_netlink veth vrf wireguard nf_flow_table_inet nft_flow_offload ip_vs ip_vs_rr; do
  modprobe "$module" || echo "vm: no module $module"
done
ip link set lo up
cd "$checkout" || exit
echo "vm: booted $release after $(cut -d' ' -f1 /proc/uptime) s"
# Compiled once, a program starts in half the time.
export CI=true FLYPAPERD_VM=1 FLYPAPERD_PATIENCE="$(value patience)" FLYPAPERD_TRIES="$(value tries)" NODE_COMPILE_CACHE=/run/node FLYPAPERD_TEST_PROGRAMS="$(value programs)"
export NODE_OPTIONS="--require=$checkout/test/vm/baseline-wasm.cjs"
# shellcheck disable=SC2046 # a list of files
node_modules/.bin/node test/run.ts $(value tests | tr , ' ')
echo "vm: exit status $?"
sync
echo o > /proc/sysrq-trigger
sleep 60
