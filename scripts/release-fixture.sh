#!/usr/bin/env bash
# Writes what later upgrades are tested against, into shared/tests/it/fixtures/releases/VERSION: the statements of the release, data that its code
# wrote, and its documents.
#
#   scripts/release-fixture.sh VERSION [FOLDER]
#
# FOLDER is a checkout of the release; without it the release is the code here. Its tests of the store run on a private server that logs each
# statement and keeps each test's database.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?the version of the release}
source=$(realpath "${2:-.}")

. scripts/private-database.sh

sql --execute "set global log_output = 'TABLE'; set global general_log = 1"
# Left out are the tests that send another release's statements, and those that read the log themselves, which is too long here.
(cd "$source" && TEST_DATABASE_URL=$url cargo test --workspace --locked --test it -- --skip upgrades --skip releases --skip plans)
sql --execute "set global general_log = 0"

export MYSQL_PWD=$sql_password LD_LIBRARY_PATH=$libraries
python3 scripts/release_fixture.py --source "$source" --out "shared/tests/it/fixtures/releases/$version" -- \
    "$client" --no-defaults --protocol=tcp --host="$sql_host" --port="$sql_port" --user="$sql_user" --default-character-set=utf8mb4
