#!/usr/bin/env bash
# Describes every query of the code against a fresh private database, into shared/.sqlx, so that a build needs no database.
# With --check nothing is written: it fails when shared/.sqlx is not what the code and the migrations say.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/private-database.sh

{
    # What sqlx itself keeps; one query reads it.
    echo "create table _sqlx_migrations (version bigint primary key, description text not null,
        installed_on timestamp not null default current_timestamp, success boolean not null, checksum blob not null,
        execution_time bigint not null);"
    cat shared/migrations/*.up.sql
} | sql "$sql_database"

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
