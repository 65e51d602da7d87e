//! The data folder: one process at a time has it, and what is temporary vanishes with whoever made it.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::CloudError;
use crate::leash::Leash;

/// Where a cloud keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// In this folder, for the next start to find; commits wait for the disk.
    Persistent(PathBuf),
    /// In memory and in a folder that vanishes.
    Temporary,
}

/// A data folder that is ours for as long as this value lives.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    /// The system gives the lock back when this process ends, however it ends.
    _lock: Option<File>,
    _temporary: Option<(tempfile::TempDir, Arc<Leash>)>,
}

/// What a running cloud says about itself, for the commands that talk to it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) http: String,
    pub(super) lambda: String,
}

impl DataFolder {
    pub(super) fn open(data: &Data) -> Result<Self, CloudError> {
        match data {
            Data::Persistent(path) => Self::persistent(path),
            Data::Temporary => Self::temporary(),
        }
    }

    fn persistent(path: &Path) -> Result<Self, CloudError> {
        let failed = |source| CloudError::Io { what: format!("use the data folder {}", path.display()), source };
        let path = std::path::absolute(path).map_err(failed)?;
        fs::create_dir_all(&path).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: Some(lock), _temporary: None }),
            Err(TryLockError::WouldBlock) => {
                let holder = match running(&path) {
                    Some(Running { pid, http, .. }) => format!("process {pid}, {http}"),
                    None => "it is starting, or only its database runs".into(),
                };
                Err(CloudError::Locked { data: path, holder })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn temporary() -> Result<Self, CloudError> {
        let failed = CloudError::io("make a temporary folder");
        let made = tempfile::Builder::new().prefix("conchat-").tempdir().and_then(|folder| {
            let leash = Leash::hold()?;
            leash.remove_after_death(folder.path())?;
            Ok((folder, leash))
        });
        let (folder, leash) = made.map_err(failed)?;
        Ok(Self { path: folder.path().to_owned(), _lock: None, _temporary: Some((folder, leash)) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn announce(&self, running: &Running) -> Result<(), CloudError> {
        let file = self.path.join("running.json");
        let text = serde_json::to_string(running).unwrap_or_default();
        fs::write(&file, text).map_err(CloudError::io(format!("write {}", file.display())))
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // What is announced ends with the lock.
        let _ = fs::remove_file(self.path.join("running.json"));
    }
}

/// What the process that has the folder announced.
pub(super) fn running(data: &Path) -> Option<Running> {
    serde_json::from_slice(&fs::read(data.join("running.json")).ok()?).ok()
}

/// The HTTP URL of the cloud that runs on a data folder.
pub fn running_at(data: &Path) -> Option<String> {
    running(data).map(|running| running.http)
}

/// Forgets everything in the folder that is data; an unpacked server stays. Says whether it was a data folder at all.
pub fn reset(data: &Path) -> Result<bool, CloudError> {
    if data.is_file() {
        return Err(CloudError::Failed(format!("{} is a file; --data names a folder", data.display())));
    }
    // A folder that no cloud ever had holds nothing of ours, whatever its files are called.
    if !data.join("lock").is_file() {
        return Ok(false);
    }
    let folder = DataFolder::persistent(data)?;
    let databases =
        ["dynamodb.sqlite", "queues.sqlite"].map(|file| [file.to_owned(), format!("{file}-wal"), format!("{file}-shm")]);
    let others = ["mysql", "s3", "dead-letters.jsonl"].map(str::to_owned);
    for name in databases.into_iter().flatten().chain(others) {
        let path = folder.path().join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        if let Err(source) = removed
            && path.exists()
        {
            return Err(CloudError::Io { what: format!("remove {}", path.display()), source });
        }
    }
    Ok(true)
}
