# Sourced by scripts that start a server of their own. Creates `work`, a temporary folder, and deletes it at the end together with the server.
# The caller has `set -euo pipefail`.

work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# start_server PATTERN COMMAND...: starts the command and sets `url` to what matches the pattern in its output, $work/server.log.
start_server() {
    local pattern=$1
    shift
    "$@" >"$work/server.log" 2>&1 &
    server=$!
    url=
    for _ in $(seq 300); do
        url=$(grep -o "$pattern" "$work/server.log" | head -n 1) || true
        [ -z "$url" ] || return 0
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/server.log" >&2
    echo "$* did not start (its output is above)." >&2
    exit 1
}
