#!/usr/bin/env bash
# `sam build` with the tools that it needs, for this machine's architecture unless ARCHITECTURE says otherwise; then what each function's zip weighs.
# What comes out, .aws-sam/build, is what `sam deploy` takes.
set -euo pipefail
cd "$(dirname "$0")/.."

sam=$(scripts/tools.sh scripts/tools.txt)
build=$(scripts/tools.sh scripts/build.txt)
machine=$(uname -m)
[ "$machine" != aarch64 ] || machine=arm64
architecture=${ARCHITECTURE:-$machine}

PATH=$build/bin:$PATH SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1} \
    "$sam/bin/sam" build --parameter-overrides "Architecture=$architecture"
"$sam/bin/python" - <<'PYTHON'
import pathlib, zipfile, io

for folder in sorted(pathlib.Path(".aws-sam/build").iterdir()):
    binary = folder / "bootstrap"
    if binary.exists():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(binary, "bootstrap")
        print(f"{folder.name:24}{binary.stat().st_size / 1e6:6.1f} MB{packed.tell() / 1e6:6.1f} MB zipped")
PYTHON
