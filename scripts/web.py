"""Builds the web client for hosting: pages and modules under names that change with their content, and what each file is to be served with.

    python scripts/web.py FOLDER                                      # for the local cloud
    python scripts/web.py FOLDER --page https://chat.example.com --media https://BUCKET.s3.eu-central-1.amazonaws.com \\
        --config '{"api":"/","socket":"/ws"}'                         # for a deployment, as `make deploy` does

FOLDER can be served by any static host. Modules import each other by relative paths, so all of them are in one folder, whose name has a hash of its
content: `assets/<hash>/`. Everything there can be cached for ever; the files beside it must be revalidated. `manifest.json` lists both.

`--config` is the content of config.json (default: the local one). With `--media`, the page's content security policy allows that origin, the API and
the socket, and nothing else; without, the ports of this machine.
"""

import argparse
import hashlib
import json
import pathlib
import re
import shutil
import sys
from urllib.parse import urljoin, urlsplit

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "local" / "web"
# Files whose URLs are known outside of the page: to browsers, to installed apps, to the service worker.
FIXED = ("app.webmanifest", "badge.png", "icon.png", "icon.svg", "sw.js")
# `icon.svg` is also a picture of the style sheets.
ASSETS = ("app/*.js", "css/*.css", "sdk/*.js", "icon.svg")
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
FOR_EVER = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"
LOCAL_IMAGES = "img-src 'self' blob: http://localhost:* http://127.0.0.1:*;"
LOCAL_MEDIA = "media-src 'self' blob: http://localhost:* http://127.0.0.1:*;"
LOCAL_CONNECTIONS = "connect-src 'self' ws://localhost:* ws://127.0.0.1:* http://localhost:* http://127.0.0.1:*;"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--page", help="URL of the page")
    parser.add_argument("--media", help="origin of the bucket with pictures and files")
    parser.add_argument("--config", help="content of config.json")
    given = parser.parse_args()
    manifest = build(given.folder, given.config, given.page, given.media)
    size = sum((given.folder / name).stat().st_size for name in manifest["files"])
    print(f"{given.folder}: {len(manifest['files'])} files, {size:,} bytes, release {manifest['release']}")


def build(folder, config=None, page=None, media=None):
    """Writes the files and returns the manifest. Replaces an earlier result, and nothing else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        sys.exit(f"{folder} is not empty and not a build of the web client: choose another folder.")
    config = read_config(config if config is not None else (SOURCE / "config.json").read_text(encoding="utf-8"))
    index = (SOURCE / "index.html").read_text(encoding="utf-8")
    if media is not None:
        index = restricted(index, config, page, media)
    sources = sorted(path for pattern in ASSETS for path in SOURCE.glob(pattern))
    release = digest(b"".join(f"{path.relative_to(SOURCE)}:{digest(path.read_bytes())}\n".encode() for path in sources))[:16]
    contents = {f"assets/{release}/{path.relative_to(SOURCE).as_posix()}": path.read_bytes() for path in sources}
    contents |= {name: (SOURCE / name).read_bytes() for name in FIXED}
    contents["config.json"] = (json.dumps(config) + "\n").encode()
    contents["index.html"] = replaced(r'(?:(?<=href=")|(?<=src="))(?=(?:app|css|sdk)/)', f"assets/{release}/", index).encode()
    manifest = {"release": release, "files": {name: described(name, content) for name, content in sorted(contents.items())}}
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return manifest


def described(name, content):
    cache = FOR_EVER if name.startswith("assets/") else REVALIDATED
    return {"sha256": digest(content), "type": TYPES[pathlib.PurePosixPath(name).suffix], "cache": cache}


def read_config(text):
    try:
        config = json.loads(text)
    except ValueError:
        sys.exit(f"--config is not JSON: {text}")
    if not isinstance(config, dict) or not all(isinstance(config.get(name), str) and config[name] for name in ("api", "socket")):
        sys.exit(f'--config needs "api" and "socket", two URLs: {text}')
    return config


def restricted(index, config, page, media):
    """Allows requests to this deployment only. An unexpected page is an error."""
    if page is None:
        sys.exit("--media needs --page: the policy names the page's own socket.")
    api = origin(urljoin(page, config["api"]), ("https", "http"))
    socket = origin(urljoin(re.sub("^http", "ws", page), config["socket"]), ("wss", "ws"))
    media = origin(media, ("https", "http"))
    own = origin(page, ("https", "http"))
    apis = "" if api == own else f" {api}"
    index = replaced(re.escape(LOCAL_IMAGES), f"img-src 'self' blob:{apis} {media};", index)
    index = replaced(re.escape(LOCAL_MEDIA), f"media-src 'self' blob:{apis} {media};", index)
    return replaced(re.escape(LOCAL_CONNECTIONS), f"connect-src 'self'{apis} {socket} {media};", index)


def origin(url, schemes):
    parts = urlsplit(url)
    # What follows stands in a policy, where spaces and semicolons separate.
    if parts.scheme not in schemes or not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?", parts.netloc):
        sys.exit(f"{url} is not a URL with {' or '.join(schemes)}")
    return f"{parts.scheme}://{parts.netloc}"


def replaced(pattern, value, text):
    text, times = re.subn(pattern, lambda _: value, text)
    if times == 0:
        sys.exit(f"local/web/index.html does not have the expected content: {pattern}")
    return text


def digest(content):
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
