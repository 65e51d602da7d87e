//! How much a person may keep in pictures and files.

use super::{ConfigError, parsed};

/// How much a person may keep in pictures and files: what is on its way, waits to be used, or is shown by something of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// `QUOTA_MB`: bytes; none without a limit.
    pub bytes: Option<u64>,
    /// `QUOTA_FILES`: pictures and files; none without a limit.
    pub files: Option<u64>,
}

impl Quota {
    /// Reads `QUOTA_MB` (1024, of 2^20 bytes) and `QUOTA_FILES` (10,000); 0 is no limit.
    pub(super) fn from_env() -> Result<Self, ConfigError> {
        let limit = |name, default| parsed(name, default).map(|limit: u64| Some(limit).filter(|limit| *limit > 0));
        let bytes = limit("QUOTA_MB", 1024)?.map(|megabytes| megabytes.saturating_mul(1 << 20));
        Ok(Self { bytes, files: limit("QUOTA_FILES", 10_000)? })
    }
}
