#!/usr/bin/env bash
# Generates shared/.sqlx, the descriptions of all queries, with a temporary database, so that builds need none. With --check it writes nothing and
# fails if shared/.sqlx does not match the code and the migrations.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/private-database.sh

{
    # sqlx's own table, which one query reads.
    echo "create table _sqlx_migrations (version bigint primary key, description text not null,
        installed_on timestamp not null default current_timestamp, success boolean not null, checksum blob not null,
        execution_time bigint not null);"
    cat shared/migrations/*.up.sql
} | sql "$sql_database"

# The macros write descriptions when they expand, so crates with queries must be recompiled.
mkdir "$work/described"
touch shared/src/lib.rs
[ ! -e shared/tests/it/main.rs ] || touch shared/tests/it/main.rs
SQLX_OFFLINE=false DATABASE_URL=$url SQLX_OFFLINE_DIR=$work/described cargo check --quiet --workspace --all-targets --locked

if [ "${1:-}" = --check ]; then
    # Server versions differ in the width of text columns, which the code does not use.
    plain() { (cd "$1" && for file in *.json; do echo "== $file"; grep -v '"max_size"' "$file"; done); }
    if ! diff <(plain shared/.sqlx) <(plain "$work/described"); then
        echo "shared/.sqlx is stale: run \`make queries\` and commit the result." >&2
        exit 1
    fi
else
    rm -rf shared/.sqlx
    mkdir shared/.sqlx
    cp "$work"/described/*.json shared/.sqlx/
    echo "$(find shared/.sqlx -name '*.json' | wc -l) queries described in shared/.sqlx"
fi
