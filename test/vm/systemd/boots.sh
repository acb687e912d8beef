#!/bin/sh
# Runs the tests of this boot, and boots again while there are more; the exit statuses go to the console.
#
#   boots.sh SERIES     SERIES-1.test.ts is for the first boot, and so on
series=$1
last=$(ls test/vm/systemd/"$series"-*.test.ts | wc -l)
boot=$(($(cat /var/lib/boots 2>/dev/null || echo 0) + 1))
echo "$boot" > /var/lib/boots
echo "vm: booted $(uname -r), time $boot of $last, after $(cut -d. -f1 /proc/uptime) s"
systemd-detect-virt --quiet --container || export FLYPAPERD_VM=1
# Compiled once, a program starts in half the time.
NODE_COMPILE_CACHE=/run/node NODE_OPTIONS="--require=$PWD/test/vm/baseline-wasm.cjs" node_modules/.bin/node test/run.ts "test/vm/systemd/$series-$boot.test.ts"
echo "systemd: boot $boot: exit status $?"
if [ "$boot" -lt "$last" ]; then exec systemctl --no-block reboot; fi
exec systemctl --no-block poweroff
