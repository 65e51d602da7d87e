#!/bin/sh
# Installs a MariaDB server binary unless a MariaDB or MySQL server exists. The local cloud starts it privately; no service is installed.
#
# With root rights (or sudo without a password) it installs two packages; otherwise it unpacks them under .local/mariadb.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
unpacked=$root/.local/mariadb
packages="mariadb-server-core mariadb-client-core"

found() {
    for folder in $(echo "$PATH" | tr ':' ' ') /usr/sbin /usr/local/sbin /usr/local/mysql/bin "$unpacked/usr/sbin"; do
        for name in mariadbd mysqld; do
            if [ -x "$folder/$name" ]; then return 0; fi
        done
    done
    return 1
}

if [ "${1:-}" != "--unpack" ] && found; then exit 0; fi

if ! command -v apt-get >/dev/null 2>&1; then
    case "$(uname -s)" in
    Darwin) how="brew install mariadb" ;;
    *) how="dnf install mariadb-server, apk add mariadb mariadb-client, pacman -S mariadb" ;;
    esac
    echo "No MariaDB or MySQL server found. Install one ($how), or set DATABASE_URL to an existing database." >&2
    exit 1
fi

# A separate folder for the packages: some images delete /var/cache/apt/archives/*.deb after every apt run, including concurrent ones.
archives=$(mktemp -d)
trap 'rm -rf "$archives"' EXIT
mkdir -p "$archives/partial"
chmod 755 "$archives"
options="-q -y -o Dir::Cache::archives=$archives -o DPkg::Lock::Timeout=300 -o APT::Sandbox::User=root"

# Whether the package lists contain the packages; in a fresh container they are empty.
known() { (cd "$archives" && apt-get -q -o Debug::NoLocking=1 download --print-uris $packages >/dev/null 2>&1); }

as_root=
if [ "${1:-}" = "--unpack" ]; then
    as_root=no
elif [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo -n"; else as_root=no; fi
fi

if [ "$as_root" != no ]; then
    echo "Installing $packages …" >&2
    export DEBIAN_FRONTEND=noninteractive
    install() { $as_root apt-get $options install --no-install-recommends $packages >"$archives/log" 2>&1; }
    known && install || { $as_root apt-get $options update >"$archives/log" 2>&1 && install; } || {
        tail -n 20 "$archives/log" >&2
        echo "apt-get could not install $packages (see its output above). Install them by hand, or set DATABASE_URL." >&2
        exit 1
    }
    exit 0
fi

echo "Unpacking $packages under .local/mariadb (no root rights) …" >&2
lists=
if ! known; then
    # The system's package lists are empty and not writable: use separate lists.
    mkdir -p "$archives/lists/partial"
    lists="-o Dir::State::lists=$archives/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1"
    apt-get $options $lists update >"$archives/log" 2>&1 || {
        tail -n 20 "$archives/log" >&2
        echo "apt-get update failed (see its output above). Install MariaDB by hand, or set DATABASE_URL." >&2
        exit 1
    }
fi
# A simulated installation names the shared libraries that this system lacks.
needed=$(apt-get $options $lists --simulate -o Debug::NoLocking=1 install --no-install-recommends $packages 2>/dev/null |
    awk '$1 == "Inst" { print $2 }')
[ -n "$needed" ] || needed=$packages
mkdir -p "$unpacked"
(
    cd "$archives"
    apt-get $options $lists -o Debug::NoLocking=1 download $needed >"$archives/log" 2>&1 || {
        tail -n 20 "$archives/log" >&2
        echo "apt-get download failed (see its output above). Install MariaDB by hand, or set DATABASE_URL." >&2
        exit 1
    }
    for package in ./*.deb; do dpkg-deb -x "$package" "$unpacked"; done
)
"$unpacked/usr/sbin/mariadbd" --version >/dev/null 2>&1 ||
    LD_LIBRARY_PATH=$(find "$unpacked/usr/lib" "$unpacked/lib" -name '*.so*' 2>/dev/null | sed 's|/[^/]*$||' | sort -u | paste -sd: -) \
        "$unpacked/usr/sbin/mariadbd" --version >/dev/null || {
    echo "The unpacked server does not start. Install MariaDB by hand, or set DATABASE_URL." >&2
    exit 1
}
