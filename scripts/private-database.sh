# Sourced by scripts that need a MariaDB of their own. Starts one and sets:
#
#   work   a temporary folder, deleted at the end together with the server
#   url    mysql://… of the server's database
#   sql    a function: the command-line client at that server; its arguments go to the client
#
# The caller has `set -euo pipefail` and stands in the root of the repository.

scripts/mariadb.sh
# `local` stands on its own: it builds even while shared/.sqlx does not fit the code.
cargo build --workspace --quiet --locked --bin local

. scripts/start-server.sh
start_server 'mysql://[^ ]*' "${CARGO_TARGET_DIR:-target}/debug/local" mysql --data "$work/data"

[[ $url =~ ^mysql://([^:@/]*)(:([^@/]*))?@([^:/]*):([0-9]+)/([^?]*) ]]
sql_user=${BASH_REMATCH[1]} sql_password=${BASH_REMATCH[3]} sql_host=${BASH_REMATCH[4]} sql_port=${BASH_REMATCH[5]} sql_database=${BASH_REMATCH[6]}
# The client is installed beside the server, or unpacked under .local/mariadb with its libraries.
client=$(command -v mariadb || command -v mysql || true)
libraries=${LD_LIBRARY_PATH:-}
if [ -z "$client" ]; then
    client=.local/mariadb/usr/bin/mariadb
    libraries=$(find .local/mariadb/usr/lib .local/mariadb/lib -name '*.so*' 2>/dev/null | sed 's|/[^/]*$||' | sort -u | paste -sd: -)
fi
sql() {
    MYSQL_PWD=$sql_password LD_LIBRARY_PATH=$libraries "$client" --no-defaults --protocol=tcp --host="$sql_host" --port="$sql_port" \
        --user="$sql_user" --default-character-set=utf8mb4 "$@"
}
