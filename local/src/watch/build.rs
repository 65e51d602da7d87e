//! Builds selected binaries as `make build` does. The compiler prints to the terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::sources::FileVersion;

/// Modification time and size of each binary.
pub(super) type Binaries = BTreeMap<String, Option<FileVersion>>;

/// How to build the functions.
#[derive(Clone, Debug)]
pub struct Builder {
    /// Program and arguments; ` --bin name` is appended for each binary.
    command: Vec<String>,
    folder: PathBuf,
}

impl Builder {
    /// Cargo with the same selection as `make build`, so that dependencies are not recompiled; `None` for a folder that is not a cargo target.
    pub fn cargo(binaries: &Path) -> Option<Self> {
        let profile = match binaries.file_name()?.to_str()? {
            "debug" => "dev",
            "release" => "release",
            _ => return None,
        };
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        Some(Self::new([cargo.as_str(), "build", "--workspace", "--locked", "--quiet", "--profile", profile], binaries))
    }

    /// Another command that accepts `--bin name` for each binary and writes it to the folder.
    pub fn new<'a>(command: impl IntoIterator<Item = &'a str>, folder: &Path) -> Self {
        Self { command: command.into_iter().map(str::to_owned).collect(), folder: folder.to_owned() }
    }

    /// The current binaries.
    pub(super) fn binaries(&self, names: &BTreeSet<String>) -> Binaries {
        let stamp = |name: &String| {
            let data = fs::metadata(self.folder.join(name)).ok()?;
            Some(FileVersion::of(&data))
        };
        names.iter().map(|name| (name.clone(), stamp(name))).collect()
    }

    pub(super) async fn build(&self, root: &Path, names: &BTreeSet<String>) -> Result<(), String> {
        let (program, arguments) = self.command.split_first().ok_or("there is no command")?;
        let selection = names.iter().flat_map(|name| ["--bin", name.as_str()]);
        // Ctrl-C reaches the compiler too: it is in the same process group.
        let status = Command::new(program).args(arguments).args(selection).current_dir(root).kill_on_drop(true).status().await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err("the compiler says why".into()),
            Err(error) => Err(format!("could not run {program}: {error}")),
        }
    }
}
