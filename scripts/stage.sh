#!/bin/sh
# Puts all that flypaperd needs at run time but libnftables into a folder: the program, what it depends on, and Node.
#
#   stage.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
folder=$1
npm run -s build
mkdir -p "$folder"
cp -r dist "$folder"
# `npm ls` exits with 1 for what it finds odd, and prints all the same. Our own packages are in the program.
npm ls --omit=dev --all --parseable --no-workspaces 2>/dev/null | sed -n 's|.*/node_modules/|node_modules/|p' | while read -r package; do
  mkdir -p "$folder/$package"
  cp -r "$package/." "$folder/$package"
done
# Of these: no sources, types, documents, nothing for other C libraries, for require() or for earlier versions.
find "$folder/dist" "$folder/node_modules" -type f \
  ! -path '*/dist/page/*' ! -name '*.js' ! -name '*.mjs' ! -name '*.json' ! -name '*.node' ! -name 'LICENSE*' -delete
rm -rf "$folder"/node_modules/@koromix/*/musl_* "$folder/node_modules/koffi/vendor" "$folder/node_modules/zod/src" \
  "$folder/node_modules/zod/v3" "$folder/node_modules/zod/v4/mini" "$folder/node_modules/nodemailer/dist/cjs"
find "$folder" -type d -empty -delete
cp node_modules/node/bin/node package.json "$folder"
chmod -R u=rwX,go=rX "$folder"
