"""Checks .aws-sam/build: every function of the template exists and can start on Lambda. Prints the sizes of the zip files.

    python scripts/package.py x86_64
"""

import io
import pathlib
import re
import sys
import zipfile

BUILD = pathlib.Path(".aws-sam/build")
# `e_machine` of an ELF file.
MACHINES = {"x86_64": 62, "arm64": 183}
# The glibc of provided.al2023. A binary linked on a newer system may require a newer one and would not start.
GLIBC = (2, 34)


def main(architecture):
    functions = re.findall(r"(?m)^  (\w+):\n(?:    Type: AWS::Serverless::Function\n)", pathlib.Path("template.yaml").read_text(encoding="utf-8"))
    if not functions:
        sys.exit("template.yaml declares no functions")
    newest = (0, 0)
    for function in sorted(functions):
        path = BUILD / function / "bootstrap"
        if not path.is_file():
            sys.exit(f"{path} was not built")
        binary = path.read_bytes()
        if binary[:4] != b"\x7fELF" or int.from_bytes(binary[18:20], "little") != MACHINES[architecture]:
            sys.exit(f"{path} is not a program for {architecture}")
        required = max((tuple(map(int, version.split(b"."))) for version in re.findall(rb"GLIBC_(\d+\.\d+)", binary)), default=(0, 0))
        if required > GLIBC:
            sys.exit(f"{path} requires glibc {dotted(required)}, but Lambda has {dotted(GLIBC)}: build on an older system, or for arm64, which zig links")
        newest = max(newest, required)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "bootstrap")
        print(f"{function:24}{len(binary) / 1e6:6.1f} MB{packed.tell() / 1e6:6.2f} MB zipped")
    print(f"{len(functions)} functions for {architecture}, glibc {dotted(newest)} or newer")


def dotted(version):
    return ".".join(map(str, version))


if __name__ == "__main__":
    main(sys.argv[1])
