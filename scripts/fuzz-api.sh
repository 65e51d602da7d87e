#!/usr/bin/env bash
# Fuzzes a temporary cloud with requests generated from shared/openapi.json: anonymous, as a member and as an operator. No response may be a 5xx or
# undocumented. CASES is the number of requests per operation, SECONDS_EACH the time limit per role.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(scripts/tools.sh scripts/requirements-documents.txt)
cases=${CASES:-30}
seconds=${SECONDS_EACH:-120}
seed=${SEED:-1}
. scripts/start-server.sh
data=$work/data
mkdir "$data"
start_server 'http://[0-9.a-z]*:[0-9]*' target/debug/local up --port 0 --data "$data"

# Example data: users, friends, rooms and messages with the small ids of the document's examples.
target/debug/local seed --data "$data" >/dev/null
log_in() {
    curl -sf "$url/api/auth/login" -H 'content-type: application/json' -d "{\"username\":\"$1\",\"password\":\"linden street in june\"}" |
        sed 's/.*"access_token":"\([^"]*\)".*/\1/'
}
member=$(log_in amara)
operator=$(log_in bjorn)
leaver=$(log_in chiyo)
target/debug/local admin bjorn --data "$data" >/dev/null

# Operations that may end their own session run last, with a separate account. Logging out takes no input.
ends='/api/auth/sessions/\{session_id\}|/api/auth/password'
out='/api/auth/logout|/api/auth/logout-all'
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance
document=$PWD/shared/openapi.json
failed=0
fuzz() {
    role=$1
    shift
    echo "== as $role"
    # Its state stays in the temporary folder.
    (cd "$work" && "$tools/bin/schemathesis" run "$document" --url "$url" --checks "$checks" --max-examples "$cases" --max-time "$seconds" \
        --seed "$seed" --continue-on-failure --suppress-health-check all --warnings off --no-color "$@") || failed=1
}
all=examples,coverage,fuzzing
fuzz anonymous --phases "$all"
fuzz member --phases "$all" --header "Authorization: Bearer $member" --exclude-path-regex "$ends|$out|/api/admin/"
fuzz operator --phases "$all" --header "Authorization: Bearer $operator" --include-path-regex '/api/admin/'
fuzz "a member whose session may end" --phases examples,coverage --header "Authorization: Bearer $leaver" --include-path-regex "$ends"
# A panic or an error in the log is a defect, whatever the response.
if grep -m 20 -E 'panicked|\b(ERROR|FAILED)\b' "$work/server.log" >&2; then
    failed=1
fi
exit "$failed"
