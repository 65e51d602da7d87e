#!/usr/bin/env bash
# Tests of the SDK and the web client: types, size, unit tests, the SDK against a local cloud of its own, browsers. Needs Node 20.10 or newer; Chromium is
# installed where that is allowed. `scripts/test-web.sh quick` stops before anything is started.
set -euo pipefail
cd "$(dirname "$0")/../local/web/tests"

command -v node >/dev/null || { echo "test-web: Node 20.10 or newer is needed (https://nodejs.org)" >&2; exit 1; }
[ -d node_modules ] && [ node_modules -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error

npx --no-install tsc --project tsconfig.json
npx --no-install tsc --project tsconfig.sdk.json
npx --no-install tsc --project tsconfig.consumer.json
node size.mjs
node --test unit/
[ "${1:-}" = quick ] && exit 0

export CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}"
if [ -z "$CHROMIUM" ]; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "test-web: install Chromium, or set CHROMIUM to its path" >&2; exit 1; }
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-core fonts-noto-color-emoji >/dev/null
  CHROMIUM=$(command -v chromium)
fi

# A cloud of its own: any port, a folder that is gone afterwards.
data=$(mktemp -d)
../../../target/debug/local up --template ../../../template.yaml --data "$data" --port 0 >"$data/log" 2>&1 &
cloud=$!
trap 'kill -INT $cloud 2>/dev/null; wait $cloud 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 300); do
  CONCHAT_URL=$(sed -n 's/^ *HTTP *\(http[^ ]*\)$/\1/p' "$data/log")
  [ -n "$CONCHAT_URL" ] && break
  kill -0 $cloud 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done
export CONCHAT_URL
export APPOINT="../../../target/debug/local admin --template ../../../template.yaml --data $data"
node --experimental-websocket --test cloud/
node --test --test-concurrency=1 browser/
