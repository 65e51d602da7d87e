//! How much a person may keep in pictures and files.

use super::ConfigError;
use super::settings::{self, Setting};

/// How much a person may keep in pictures and files: what is on its way, waits to be used, or is shown by something of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// `QUOTA_MB`: bytes; none without a limit.
    pub bytes: Option<u64>,
    /// `QUOTA_FILES`: pictures and files; none without a limit.
    pub files: Option<u64>,
}

impl Quota {
    /// Reads `QUOTA_MB` (of 2^20 bytes) and `QUOTA_FILES`; 0 is no limit.
    pub(super) fn from_env() -> Result<Self, ConfigError> {
        let limit = |setting: Setting| setting.whole().map(|limit: u64| Some(limit).filter(|limit| *limit > 0));
        let bytes = limit(settings::QUOTA_MB)?.map(|megabytes| megabytes.saturating_mul(1 << 20));
        Ok(Self { bytes, files: limit(settings::QUOTA_FILES)? })
    }
}
