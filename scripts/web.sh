#!/usr/bin/env bash
# Builds the web client for a deployment, to be served by any static file host: sets the API's URL and restricts requests to the deployment's hosts.
#
#   scripts/web.sh FOLDER HTTP_URL SOCKET_URL BUCKET_URL
#   scripts/web.sh dist https://abc.execute-api.eu-central-1.amazonaws.com wss://def.execute-api.eu-central-1.amazonaws.com/ws \
#       https://NAME.s3.eu-central-1.amazonaws.com
#
# The first two URLs are outputs of the stack; the bucket is one of its resources.
set -euo pipefail
if [ $# -ne 4 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
folder=$1
origin() { [[ $1 =~ ^([a-z]+://[A-Za-z0-9.:-]+)(/.*)?$ ]] && echo "${BASH_REMATCH[1]}" || { echo "$1 is not a URL" >&2; exit 2; }; }
api=$(origin "$2")
socket=$(origin "$3")
bucket=$(origin "$4")

web=$(cd "$(dirname "$0")/../local/web" && pwd)
mkdir -p "$folder"
for part in app app.webmanifest badge.png css icon.png icon.svg index.html sdk sw.js; do
    cp -R "$web/$part" "$folder/"
done
# Replaces the local URLs exactly; an unexpected page is an error.
page=$(sed -e "s|<html lang=\"en\">|<html lang=\"en\" data-api=\"$api\">|" \
    -e "s|img-src 'self' blob: http://localhost:\* http://127.0.0.1:\*;|img-src 'self' blob: $api $bucket;|" \
    -e "s|connect-src 'self' ws://localhost:\* ws://127.0.0.1:\* http://localhost:\* http://127.0.0.1:\*;|connect-src 'self' $api $socket $bucket;|" \
    "$web/index.html")
if grep -q 'localhost\|127\.0\.0\.1' <<<"$page" || ! grep -q "data-api=\"$api\"" <<<"$page"; then
    echo "local/web/index.html does not have the expected content" >&2
    exit 1
fi
printf '%s\n' "$page" >"$folder/index.html"
echo "$folder: the web client of $api"
