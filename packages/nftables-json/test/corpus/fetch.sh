#!/bin/sh
# Debian's source package nftables, without touching the lists of apt on this machine:
#
#   fetch.sh CACHE VERSION SUITE MIRROR KEYRING
set -eu
cache=$1 version=$2
work=$cache/work
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/source"
echo "deb-src [signed-by=$5] $4 $3 main" >"$work/sources.list"
apt() {
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::lists="$work/lists" \
    -o Dir::Cache="$work" -o APT::Sandbox::User=root "$@"
}
apt update >&2
(cd "$work/source" && apt source --download-only nftables >&2 && mkdir unpacked &&
  tar -x -f nftables_"$version".orig.tar.* -C unpacked --strip-components=1 --no-same-owner)
mv "$work/source/unpacked" "$cache/$version"
rm -rf "$work"
