//! The data folder. One process at a time holds its lock; a temporary folder is removed with its owner.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::CloudError;
use crate::gateway::Tls;
use crate::watchdog::Watchdog;

/// Where a cloud stores its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataLocation {
    /// In this folder; it survives a restart, and commits wait for the disk.
    Persistent(PathBuf),
    /// In memory and in a temporary folder.
    Temporary,
}

/// A data folder, locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    /// The operating system releases the lock when this process ends, however it ends.
    _lock: Option<File>,
    _temporary: Option<(tempfile::TempDir, Arc<Watchdog>)>,
}

/// The content of `running.json`, which other commands read to find the running cloud.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RunningCloud {
    pub(super) pid: u32,
    pub(super) http: String,
    pub(super) lambda: String,
}

impl DataFolder {
    pub(super) fn open(data: &DataLocation) -> Result<Self, CloudError> {
        match data {
            DataLocation::Persistent(path) => Self::persistent(path),
            DataLocation::Temporary => Self::temporary(),
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
                let holder = match find_running(&path) {
                    Some(RunningCloud { pid, http, .. }) => format!("process {pid}, {http}"),
                    None => "starting, or only its database runs".into(),
                };
                Err(CloudError::Locked { data: path, holder })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn temporary() -> Result<Self, CloudError> {
        let failed = CloudError::io("create a temporary folder");
        let made = tempfile::Builder::new().prefix("conchat-").tempdir().and_then(|folder| {
            let watchdog = Watchdog::acquire()?;
            watchdog.remove_after_death(folder.path())?;
            Ok((folder, watchdog))
        });
        let (folder, watchdog) = made.map_err(failed)?;
        Ok(Self { path: folder.path().to_owned(), _lock: None, _temporary: Some((folder, watchdog)) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the certificate of the gateway's authority, without its key.
    pub(super) fn write_authority(&self, tls: &Tls) -> Result<PathBuf, CloudError> {
        let file = self.path.join("ca.pem");
        fs::write(&file, tls.authority()).map_err(CloudError::io(format!("write {}", file.display())))?;
        Ok(file)
    }

    pub(super) fn publish(&self, running: &RunningCloud) -> Result<(), CloudError> {
        let file = self.path.join("running.json");
        let text = serde_json::to_string(running).unwrap_or_default();
        fs::write(&file, text).map_err(CloudError::io(format!("write {}", file.display())))
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // The file is valid only while the lock is held.
        let _ = fs::remove_file(self.path.join("running.json"));
    }
}

/// Reads `running.json`; `None` if no cloud has published itself.
pub(super) fn find_running(data: &Path) -> Option<RunningCloud> {
    serde_json::from_slice(&fs::read(data.join("running.json")).ok()?).ok()
}

/// The HTTP URL of the cloud that runs on this data folder.
pub fn running_url(data: &Path) -> Option<String> {
    find_running(data).map(|running| running.http)
}

/// Deletes all data in the folder and keeps an unpacked server. Returns whether it was a data folder.
pub fn reset(data: &Path) -> Result<bool, CloudError> {
    if data.is_file() {
        return Err(CloudError::CommandFailed(format!("{} is a file; --data requires a folder", data.display())));
    }
    // Without a lock file this is not a data folder: delete nothing.
    if !data.join("lock").is_file() {
        return Ok(false);
    }
    let folder = DataFolder::persistent(data)?;
    let databases =
        ["dynamodb.sqlite", "queues.sqlite"].map(|file| [file.to_owned(), format!("{file}-wal"), format!("{file}-shm")]);
    let others = ["mysql", "s3", "dead-letters.jsonl", "ca.pem"].map(str::to_owned);
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
