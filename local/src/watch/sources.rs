//! A snapshot of the source files, and which function a file belongs to. Files outside of any binary are ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Modification time and size of each file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sources(BTreeMap<PathBuf, FileVersion>);

/// The consequence of a changed file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// Rebuild one function.
    Function(String),
    /// Rebuild all functions.
    Shared,
    /// Rebuild all functions; the user must migrate.
    Migrations,
    /// The user must restart because of this file.
    Template(String),
    /// The user must restart: the local cloud itself has changed.
    Local,
    /// Nothing: a page or a document.
    Nothing,
}

const FOLDERS: [&str; 3] = ["functions", "shared", "local/src"];
const FILES: [&str; 3] = ["Cargo.toml", "Cargo.lock", "samconfig.toml"];
/// Folders that no binary depends on.
const IGNORED_FOLDERS: [&str; 5] = ["tests", "benches", "examples", "target", "node_modules"];

/// What tells that a file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileVersion {
    modified: SystemTime,
    size: u64,
}

impl FileVersion {
    pub(super) fn of(file: &Metadata) -> Self {
        Self { modified: file.modified().unwrap_or(SystemTime::UNIX_EPOCH), size: file.len() }
    }
}

impl Sources {
    /// Paths are relative to the root.
    pub(super) fn read(root: &Path, template: &Path) -> Self {
        let mut files = BTreeMap::new();
        for file in FILES.iter().map(Path::new).chain([template]) {
            if let Ok(data) = fs::metadata(root.join(file)) {
                files.insert(file.to_owned(), FileVersion::of(&data));
            }
        }
        for folder in FOLDERS {
            walk(root, Path::new(folder), &mut files);
        }
        Self(files)
    }

    /// Added, removed and changed files.
    pub(super) fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Path> {
        let changed = self.0.iter().filter(|(path, stamp)| other.0.get(*path) != Some(stamp)).map(|(path, _)| path.as_path());
        changed.chain(other.0.keys().filter(|path| !self.0.contains_key(*path)).map(PathBuf::as_path))
    }
}

fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, FileVersion>) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Ignore editors' temporary files: hidden, or with a tilde.
        if name.starts_with('.') || name.ends_with('~') || IGNORED_FOLDERS.contains(&name.as_ref()) {
            continue;
        }
        let path = folder.join(&*name);
        if is_folder(&entry) {
            walk(root, &path, files);
        } else if let Ok(data) = entry.metadata() {
            files.insert(path, FileVersion::of(&data));
        }
    }
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// The consequence of a change to this file.
pub(super) fn change(path: &Path, binaries: &BTreeSet<String>) -> Change {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        // The folder name is the function's.
        ["functions", folder, _, ..] if binaries.contains(*folder) => Change::Function((*folder).to_owned()),
        ["shared", "migrations", ..] => Change::Migrations,
        _ if path.extension().is_some_and(|extension| extension == "md") => Change::Nothing,
        ["functions" | "shared", ..] | ["Cargo.toml" | "Cargo.lock"] => Change::Shared,
        ["local", ..] => Change::Local,
        [.., name] => Change::Template((*name).to_owned()),
        [] => Change::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_function_and_what_is_shared_is_everybodys() {
        let binaries = BTreeSet::from(["auth".to_owned(), "send".to_owned()]);
        let of = |path: &str| change(Path::new(path), &binaries);
        assert_eq!(of("functions/auth/register.rs"), Change::Function("auth".into()));
        assert_eq!(of("functions/send/actions/edit.rs"), Change::Function("send".into()));
        for shared in ["functions/lib.rs", "functions/Cargo.toml", "shared/src/id.rs", "Cargo.lock"] {
            assert_eq!(of(shared), Change::Shared, "{shared}");
        }
        assert_eq!(of("shared/migrations/0009_more.up.sql"), Change::Migrations);
        assert_eq!(of("local/src/main.rs"), Change::Local);
        assert_eq!(of("shared/README.md"), Change::Nothing);
        assert_eq!(of("template.yaml"), Change::Template("template.yaml".into()));
    }

    #[test]
    fn every_change_is_seen_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for path in
            ["functions/auth/mod.rs", "functions/auth/gone.rs", "functions/tests/e2e.rs", "functions/.mod.rs.swp", "t.yaml"]
        {
            write(path, "1");
        }
        let look = || Sources::read(root.path(), Path::new("t.yaml"));
        let before = look();
        assert_eq!(before, look());
        write("functions/auth/mod.rs", "12");
        write("functions/auth/new.rs", "1");
        write("functions/tests/e2e.rs", "12");
        write("functions/.mod.rs.swp", "12");
        fs::remove_file(root.path().join("functions/auth/gone.rs")).unwrap();
        let after = look();
        let changed: BTreeSet<&str> = before.differences(&after).filter_map(Path::to_str).collect();
        assert_eq!(changed, BTreeSet::from(["functions/auth/gone.rs", "functions/auth/mod.rs", "functions/auth/new.rs"]));
    }
}
