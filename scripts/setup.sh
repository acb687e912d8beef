#!/bin/sh
# Installs what the demo or the tests need and this machine lacks; says and does nothing when all is there.
#
#   setup.sh demo | test | web | bench | vm | deb | install | beside     as root, by apt-get and npm; an ordinary user is told the one line to run as root
#
# Exit status: 64 for a usage error, 69 when something is missing and could not be installed.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

# program:package; nft brings libnftables along, which it is linked with.
demo_needs='nft:nftables nmap:nmap ip:iproute2 ss:iproute2 unshare:util-linux nsenter:util-linux find:findutils'
test_needs="$demo_needs conntrack:conntrack ping:iputils-ping nc:netcat-openbsd ps:procps masscan:masscan iptables-nft:iptables groff:groff-base curl:curl socat:socat tcpdump:tcpdump dnsmasq:dnsmasq-base"
web_needs="$test_needs chromium:chromium"
bench_needs="$demo_needs iptables-nft:iptables gcc:gcc gencat:libc6-dev"
deb_needs='dh:debhelper dpkg-buildpackage:dpkg-dev git:git'
vm_needs="$test_needs $deb_needs qemu-system-x86_64:qemu-system-x86 modprobe:kmod busybox:busybox-static cpio:cpio mmdebstrap:mmdebstrap wg:wireguard-tools"
install_needs="$test_needs $deb_needs lintian:lintian mmdebstrap:mmdebstrap systemd-nspawn:systemd-container podman:podman buildah:buildah"
beside_needs="$test_needs mmdebstrap:mmdebstrap"

case ${1-} in
  bench) needs=$bench_needs ;;
  demo) needs=$demo_needs ;;
  test) needs=$test_needs ;;
  web) needs=$web_needs ;;
  vm) needs=$vm_needs ;;
  deb) needs=$deb_needs ;;
  install) needs=$install_needs ;;
  beside) needs=$beside_needs ;;
  *) echo 'usage: setup.sh demo | test | web | bench | vm | deb | install | beside' >&2; exit 64 ;;
esac

missing=
for need in $needs npm:npm; do
  command -v "${need%%:*}" >/dev/null || missing="$missing ${need#*:}"
done
if [ -n "$missing" ]; then
  packages=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Missing here: $packages" >&2
    echo "  sudo apt-get install --no-install-recommends $packages" >&2
    exit 69
  fi
  echo "setup: apt-get install $packages" >&2
  export DEBIAN_FRONTEND=noninteractive
  said=$({ apt-get -q update && apt-get -q -y --no-install-recommends install $packages; } 2>&1) || {
    printf '%s\n' "$said" "setup: apt-get could not install $packages" >&2
    exit 69
  }
fi

# Installed, Prometheus would start a service on this machine: its programs are unpacked here instead.
if [ "$1" = test ] && ! command -v promtool >/dev/null && [ ! -x .cache/prometheus/usr/bin/promtool ]; then
  echo 'setup: apt-get download prometheus' >&2
  rm -rf .cache/prometheus && mkdir -p .cache/prometheus
  said=$({ [ "$(id -u)" != 0 ] || apt-get -q update; } 2>&1 && cd .cache/prometheus &&
    apt-get -q download prometheus 2>&1 && dpkg-deb -x prometheus_*.deb . 2>&1 && rm prometheus_*.deb) || {
    printf '%s\n' "$said" 'setup: apt-get could not download prometheus' >&2
    exit 69
  }
  [ "$(id -u)" != 0 ] || chown -R "$(stat -c %u:%g .)" .cache
fi

# The same of Cockpit, with the libraries that it brings along.
cockpit='cockpit-ws cockpit-bridge libssh-4 libjson-glib-1.0-0 libpolkit-agent-1-0 libpolkit-gobject-1-0'
if [ "$1" = web ] && [ ! -x .cache/cockpit/root/usr/lib/cockpit/cockpit-ws ]; then
  echo "setup: apt-get download $cockpit" >&2
  rm -rf .cache/cockpit && mkdir -p .cache/cockpit/debs
  said=$({ [ "$(id -u)" != 0 ] || apt-get -q update; } 2>&1 && cd .cache/cockpit/debs &&
    apt-get -q download $cockpit 2>&1 && for package in *.deb; do dpkg-deb -x "$package" ../root; done) || {
    printf '%s\n' "$said" 'setup: apt-get could not download cockpit' >&2
    exit 69
  }
  rm -r .cache/cockpit/debs
  [ "$(id -u)" != 0 ] || chown -R "$(stat -c %u:%g .)" .cache
fi

# npm writes this file last, so that it is there and newer only after a complete installation.
[ node_modules/.package-lock.json -nt package-lock.json ] && [ -x node_modules/.bin/node ] && exit 0

# Under sudo in somebody's checkout, npm works as its owner, or he could not touch node_modules afterwards.
as_owner=
uid=$(stat -c %u .)
if [ "$(id -u)" = 0 ] && [ "$uid" != 0 ]; then
  home=$(getent passwd "$uid" | cut -d: -f6)
  # npm passes root's own cache and settings on to its scripts by these variables.
  as_owner="setpriv --reuid=$uid --regid=$(stat -c %g .) --clear-groups
    env -u npm_config_cache -u npm_config_userconfig -u npm_config_globalconfig -u npm_config_prefix
    HOME=${home:-/tmp}"
fi
echo 'setup: npm ci' >&2
$as_owner npm ci --include=dev --no-audit --no-fund --loglevel=error >&2 || {
  echo 'setup: npm ci failed' >&2
  exit 69
}
