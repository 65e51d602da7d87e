#!/usr/bin/env bash
# Describes every query of the code against a fresh private database, into shared/.sqlx, so that a build needs no database.
# With --check nothing is written: it fails when shared/.sqlx is not what the code and the migrations say.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/mariadb.sh
# `local` stands on its own: it builds even while shared/.sqlx does not fit the code.
cargo build --quiet --locked --bin local

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

target/debug/local mysql --data "$work/data" >"$work/server.log" 2>&1 &
server=$!
url=
for _ in $(seq 300); do
    url=$(grep -o 'mysql://[^ ]*' "$work/server.log" | head -n 1) || true
    [ -z "$url" ] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
if [ -z "$url" ]; then
    cat "$work/server.log" >&2
    echo "The database did not start (its last words are above)." >&2
    exit 1
fi

# The client is installed beside the server, or unpacked under .local/mariadb with its libraries.
client=$(command -v mariadb || command -v mysql || true)
if [ -z "$client" ]; then
    client=.local/mariadb/usr/bin/mariadb
    LD_LIBRARY_PATH=$(find .local/mariadb/usr/lib .local/mariadb/lib -name '*.so*' 2>/dev/null | sed 's|/[^/]*$||' | sort -u | paste -sd: -)
    export LD_LIBRARY_PATH
fi
[[ $url =~ ^mysql://([^:@/]*)(:([^@/]*))?@([^:/]*):([0-9]+)/([^?]*) ]]
sql() {
    MYSQL_PWD=${BASH_REMATCH[3]} "$client" --no-defaults --protocol=tcp --host="${BASH_REMATCH[4]}" --port="${BASH_REMATCH[5]}" \
        --user="${BASH_REMATCH[1]}" "${BASH_REMATCH[6]}"
}
{
    # What sqlx itself keeps; one query reads it.
    echo "create table _sqlx_migrations (version bigint primary key, description text not null,
        installed_on timestamp not null default current_timestamp, success boolean not null, checksum blob not null,
        execution_time bigint not null);"
    cat shared/migrations/*.up.sql
} | sql
unset LD_LIBRARY_PATH

# The macros describe while they expand, so what holds queries must be compiled anew.
mkdir "$work/described"
touch shared/src/lib.rs
[ ! -e shared/tests/it/main.rs ] || touch shared/tests/it/main.rs
SQLX_OFFLINE=false DATABASE_URL=$url SQLX_OFFLINE_DIR=$work/described cargo check --quiet --workspace --all-targets --locked

if [ "${1:-}" = --check ]; then
    # Another version of the server may give a text another width; nothing in the code depends on it.
    plain() { (cd "$1" && for file in *.json; do echo "== $file"; grep -v '"max_size"' "$file"; done); }
    if ! diff <(plain shared/.sqlx) <(plain "$work/described"); then
        echo "shared/.sqlx is stale: run \`make queries\` and commit what it writes." >&2
        exit 1
    fi
else
    rm -rf shared/.sqlx
    mkdir shared/.sqlx
    cp "$work"/described/*.json shared/.sqlx/
    echo "$(find shared/.sqlx -name '*.json' | wc -l) queries described in shared/.sqlx"
fi
