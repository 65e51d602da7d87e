#!/usr/bin/env bash
# Tests the SDK and the web client: types, size, unit tests, the SDK against a temporary local cloud, browsers. `scripts/test-web.sh quick` runs only
# what needs no server.
#
# Requires Node 20.10 or newer, Python 3, and Chromium or Chrome. With root rights (or sudo without a password) it installs Debian's packages, and a
# newer Node beside an old one. Otherwise it prints what is missing and skipped, and exits with 3.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/local/web/tests"

missing() {
  echo "test-web: $1" >&2
  exit 3
}

install() {
  command -v apt-get >/dev/null || return 1
  local as_root=
  [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && as_root="sudo -n"; } || return 1
  echo "Installing $* …" >&2
  local apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300" log
  log=$(mktemp)
  $apt install --no-install-recommends "$@" >"$log" 2>&1 || { $apt update >"$log" 2>&1 && $apt install --no-install-recommends "$@" >"$log" 2>&1; } ||
    { tail -n 5 "$log" >&2 && return 1; }
  rm -f "$log"
}

usable() { command -v npm >/dev/null && node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor > 9) ? 0 : 1)' 2>/dev/null; }
usable || command -v npm >/dev/null || install nodejs npm || true
if ! usable && command -v npm >/dev/null; then
  # Debian 12 has Node 18: install a newer one with its npm under .local.
  newer=$root/.local/tools/node
  [ -d "$newer" ] || npm install --loglevel=error --no-audit --no-fund --prefix "$newer" node@22 >&2 || rm -rf "$newer"
  export PATH="$newer/node_modules/.bin:$PATH"
fi
usable || missing "no tests were run: Node 20.10 or newer with npm is required (https://nodejs.org)"
command -v python3 >/dev/null || missing "no tests were run: Python 3 is required, which builds the web client for hosting"
[ -d node_modules ] && [ node_modules -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error ||
  missing "no tests were run: npm could not install the dependencies"

npm run --silent check
npm run --silent types
npm run --silent consumer
npm run --silent size
node --test unit/*.test.mjs
[ "${1:-}" = quick ] && exit 0

# A temporary cloud on a free port.
data=$(mktemp -d)
"$root/target/debug/local" up --template "$root/template.yaml" --data "$data" --port 0 >"$data/log" 2>&1 &
cloud=$!
trap 'kill -INT $cloud 2>/dev/null; wait $cloud 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 600); do
  CONCHAT_URL=$(sed -n 's/^ *HTTP *\(http[^ ]*\)$/\1/p' "$data/log")
  [ -n "$CONCHAT_URL" ] && break
  kill -0 $cloud 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done
export CONCHAT_URL CONCHAT_DATA=$data
export APPOINT="$root/target/debug/local admin --template $root/template.yaml --data $data"
node --experimental-websocket --test cloud/*.test.mjs

find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
export CHROMIUM="${CHROMIUM:-$(find_chromium || { install chromium fonts-noto-core fonts-noto-color-emoji && find_chromium; } || true)}"
[ -n "$CHROMIUM" ] || missing "the browser tests were skipped: install Chromium, or set CHROMIUM to its path"
node --test --test-concurrency=2 browser/*.test.mjs
