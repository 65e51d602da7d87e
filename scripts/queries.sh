#!/usr/bin/env bash
# Generates .sqlx, the descriptions of all queries, with a temporary database, so that builds need none. With --check it writes nothing and fails if
# .sqlx does not match the code and the migrations.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/mariadb.sh
# `local` contains no queries: it builds even if .sqlx is stale.
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
    echo "The database did not start (see its output above)." >&2
    exit 1
fi

# The client is installed with the server, or unpacked under .local/mariadb with its libraries.
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
    # sqlx's own table, which one query reads.
    echo "create table _sqlx_migrations (version bigint primary key, description text not null,
        installed_on timestamp not null default current_timestamp, success boolean not null, checksum blob not null,
        execution_time bigint not null);"
    cat shared/migrations/*.up.sql
} | sql
unset LD_LIBRARY_PATH

# The macros write descriptions when they expand, so crates with queries must be recompiled.
mkdir "$work/described"
touch shared/src/lib.rs
[ ! -e shared/tests/it/main.rs ] || touch shared/tests/it/main.rs
SQLX_OFFLINE=false DATABASE_URL=$url SQLX_OFFLINE_DIR=$work/described cargo check --quiet --workspace --all-targets --locked

if [ "${1:-}" = --check ]; then
    # Server versions differ in the width of text columns, which the code does not use.
    plain() { (cd "$1" && for file in *.json; do echo "== $file"; grep -v '"max_size"' "$file"; done); }
    if ! diff <(plain .sqlx) <(plain "$work/described"); then
        echo ".sqlx is stale: run \`make queries\` and commit the result." >&2
        exit 1
    fi
else
    rm -rf .sqlx
    mkdir .sqlx
    cp "$work"/described/*.json .sqlx/
    echo "$(find .sqlx -name '*.json' | wc -l) queries described in .sqlx"
fi
