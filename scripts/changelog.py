"""CHANGELOG.md in the form of keepachangelog.com.

python scripts/changelog.py check             fails when nothing is listed under Unreleased
python scripts/changelog.py release 0.2.0     what is under Unreleased becomes version 0.2.0 of today
python scripts/changelog.py show 0.2.0        prints what is listed under a version
"""

import datetime
import pathlib
import re
import sys

CHANGELOG = pathlib.Path("CHANGELOG.md")
UNRELEASED = re.compile(r"(?m)^## \[Unreleased\]\n")


def section(text, version):
    """What is listed under a version, without its heading and without the links at the end of the file."""
    found = re.search(rf"(?ms)^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|^\[[^\]]+\]: |\Z)", text)
    if not found:
        sys.exit(f"{CHANGELOG}: there is no [{version}]")
    return found.group(1).strip()


def main(command, version="Unreleased"):
    text = CHANGELOG.read_text(encoding="utf-8")
    listed = section(text, version if command == "show" else "Unreleased")
    if command == "show":
        print(f"ConChat {version}\n\n{listed}")
        return
    if not re.search(r"(?m)^- ", listed):
        sys.exit(f"{CHANGELOG}: nothing is listed under [Unreleased]")
    if command == "release":
        heading = f"## [Unreleased]\n\n## [{version}] - {datetime.date.today().isoformat()}\n"
        CHANGELOG.write_text(UNRELEASED.sub(heading, text, count=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
