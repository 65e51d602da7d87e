//! The storage quota of a user.

use super::ConfigError;
use super::settings::{self, Setting};

/// Storage limits per user. Pending, unused and attached uploads count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// `QUOTA_MB` in bytes; none without a limit.
    pub bytes: Option<u64>,
    /// `QUOTA_FILES`; none without a limit.
    pub files: Option<u64>,
}

impl Quota {
    /// Reads `QUOTA_MB` (of 2^20 bytes) and `QUOTA_FILES`; 0 means no limit.
    pub(super) fn from_env() -> Result<Self, ConfigError> {
        let limit = |setting: Setting| setting.whole().map(|limit: u64| Some(limit).filter(|limit| *limit > 0));
        let bytes = limit(settings::QUOTA_MB)?.map(|megabytes| megabytes.saturating_mul(1 << 20));
        Ok(Self { bytes, files: limit(settings::QUOTA_FILES)? })
    }
}
