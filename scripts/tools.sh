#!/bin/sh
# Creates a Python environment with the packages of a requirements file and prints its folder. Recreates it when the file changes.
#
#   tools=$(scripts/tools.sh scripts/requirements-sam.txt)   →   .local/tools/requirements-sam
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
requirements=$root/$1
folder=$root/.local/tools/$(basename "$1" .txt)

if [ -f "$folder/requirements.txt" ] && cmp -s "$requirements" "$folder/requirements.txt"; then
    echo "$folder"
    exit 0
fi

usable() { command -v python3 >/dev/null 2>&1 && python3 -c 'import venv, ensurepip' >/dev/null 2>&1; }
if ! usable && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing python3-venv …" >&2
    { apt-get -q -y install --no-install-recommends python3-venv || { apt-get -q update && apt-get -q -y install --no-install-recommends python3-venv; }; } >&2
fi
if ! usable; then
    echo "$1 requires Python 3.9 or newer with its venv module (Debian: apt-get install python3-venv)." >&2
    exit 1
fi

echo "Installing $(grep -c '^[^#]' "$requirements") tools from PyPI into ${folder#"$root"/} …" >&2
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" --quiet --disable-pip-version-check install --requirement "$requirements" >&2
cp "$requirements" "$folder/requirements.txt"
echo "$folder"
