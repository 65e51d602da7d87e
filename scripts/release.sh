#!/usr/bin/env bash
# Makes a release of what is committed: sets the version, closes the changelog's "Unreleased", writes the fixture that the next upgrade is tested
# against, commits and tags. It pushes nothing.
#
#   make release VERSION=0.2.0
#
# What is released has passed .ci/run: that leaves the tree's hash in .local/green, and without it .ci/run runs first.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "Which version? make release VERSION=1.2.3" >&2; exit 2; }
current=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
newest=$(printf '%s\n' "$current" "$version" | sort --version-sort | tail -n 1)
if [ "$version" = "$current" ] || [ "$newest" != "$version" ]; then
    echo "$version does not come after $current." >&2
    exit 2
fi
if git rev-parse --quiet --verify "refs/tags/v$version" >/dev/null; then
    echo "v$version is a tag already." >&2
    exit 2
fi
if [ -n "$(git status --porcelain)" ]; then
    echo "There are changes that are not committed:" >&2
    git status --short >&2
    exit 1
fi
python3 scripts/changelog.py check
if [ "$(cat .local/green 2>/dev/null)" != "$(git rev-parse 'HEAD^{tree}')" ]; then
    .ci/run
fi

# The tree was clean: what a failed release leaves is undone.
undo() {
    git reset --quiet --hard
    git clean --quiet --force -d -- shared/tests/it/fixtures/releases
}
trap undo ERR

fixtures=shared/tests/it/fixtures/releases
scripts/release-fixture.sh "$version"
# Only the last release's code runs while the next one is deployed; the data of all of them is upgraded.
for folder in "$fixtures"/*/; do
    [ "$folder" = "$fixtures/$version/" ] || rm -f "$folder"/{statements,openapi,asyncapi}.json
done
echo '[]' >"$fixtures/changed.json"

sed -i.old '/^\[workspace.package\]/,/^$/s/^version = ".*"/version = "'"$version"'"/' Cargo.toml
sed -i.old 's/^  "version": ".*"/  "version": "'"$version"'"/' local/web/sdk/package.json
rm Cargo.toml.old local/web/sdk/package.json.old
cargo update --quiet --workspace --offline
python3 scripts/changelog.py release "$version"
make swagger
cargo test --workspace --locked --test it -- releases upgrades compatibility
cargo test --workspace --locked --test deployment

trap - ERR
git add --all
git commit --quiet --message "Release $version"
python3 scripts/changelog.py show "$version" | git tag --annotate "v$version" --cleanup=whitespace --file=-
echo "v$version is committed and tagged. To publish it: git push --follow-tags"
