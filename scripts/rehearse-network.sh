#!/usr/bin/env bash
# Runs the function programs as a deployment into a VPC does: with the environment that template.yaml gives them, TLS everywhere, and servers that answer
# under the host names of AWS's endpoint rules and under no other. Uses the programs of `make package`; PROFILE=dev uses those of `make build`.
#
# The servers and their names live in a network namespace of their own. Where the system allows none, the script says so and exits with 3.
set -euo pipefail
cd "$(dirname "$0")/.."

namespace=(unshare --user --map-root-user --net --mount --pid --fork --kill-child --mount-proc)
if ! "${namespace[@]}" true 2>/dev/null; then
    echo "rehearse-network: nothing was tested: this system allows no network namespaces (unshare of util-linux, kernel.unprivileged_userns_clone)" >&2
    exit 3
fi
scripts/mariadb.sh
python=$(scripts/tools.sh scripts/requirements-network.txt)/bin/python
"$python" scripts/endpoints.py --check
cargo build --quiet --workspace --bins --locked
programs=target/debug
if [ "${PROFILE:-release}" != dev ]; then
    scripts/package.sh
    programs=.aws-sam/build
fi
export PYTHONDONTWRITEBYTECODE=1
exec "${namespace[@]}" "$python" scripts/rehearse_network.py "$programs"
