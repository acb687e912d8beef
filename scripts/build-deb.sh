#!/bin/sh
# Builds the Debian package for this machine's architecture into build/, and says where and how large.
#
#   build-deb.sh [VERSION]      the version of package.json, unless told
set -eu
cd "$(dirname "$0")/.."
version=${1-$(node -p 'require("./package.json").version')}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
source=$work/flypaperd
mkdir -p "$source" build

sh scripts/stage.sh "$source/lib" >&2
find "$source/lib" -name 'LICENSE*' -delete # they are in debian/copyright
cp packaging/systemd/leave-at-restart "$source/lib"
cp -r packaging/debian "$source/debian"
mv "$source/debian/flypaperd" "$source/debian/flypaperd.toml" "$source"
cp packaging/systemd/flypaperd.service packaging/systemd/flypaperd.sysusers "$source/debian"
cp packaging/systemd/flypaperd-outside.service "$source/debian/flypaperd.flypaperd-outside.service"
for unit in socket service; do
  cp "packaging/systemd/flypaperd-web.$unit" "$source/debian/flypaperd.flypaperd-web.$unit"
done
cp -r README.md docs rulesets "$source"
cp CHANGELOG.md "$source/docs"
cp node_modules/node/node_modules/node-linux-*/LICENSE "$source/LICENSE.node"
cat > "$source/debian/changelog" <<CHANGELOG
flypaperd ($version) unstable; urgency=medium

  * What is new is in CHANGELOG.md.

 -- the flypaperd authors <flypaperd@example.org>  $(date -R -d "$(git log -1 --format=%cI)")
CHANGELOG
for page in man/*.[1-9]; do
  [ ! -e "$page" ] || { cp "$page" "$source" && basename "$page" >> "$source/debian/flypaperd.manpages"; }
done
if [ -e completions/flypaperd.bash ]; then
  mkdir "$source/completions"
  cp completions/flypaperd.bash "$source/completions/flypaperd"
  echo 'completions/flypaperd usr/share/bash-completion/completions' >> "$source/debian/flypaperd.install"
fi

(cd "$source" && dpkg-buildpackage -b -us -uc > "$work/log" 2>&1) || { cat "$work/log" >&2; exit 1; }
cp "$work"/flypaperd_*.deb build/
for package in "$work"/flypaperd_*.deb; do
  echo "build/$(basename "$package"): $(($(stat -c %s "$package") / 1048576)) MB, installed $(($(dpkg-deb -f "$package" Installed-Size) / 1024)) MB"
done
