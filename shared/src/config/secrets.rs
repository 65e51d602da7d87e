//! Secrets: texts that never show in a log, where they come from, and how to read one again that may have been rotated meanwhile.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{ConfigError, var};
use crate::error;

/// A text that never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret comes from: given by the environment, or an ARN to fetch it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The value itself (the local cloud, tests, containers).
    Given(Secret),
    /// An AWS Secrets Manager ARN.
    Arn(String),
}

impl SecretSource {
    /// `DATABASE_URL`, else `DATABASE_SECRET_ARN`: a `mysql://` URL of any MySQL-compatible store.
    pub fn database() -> Result<Self, ConfigError> {
        Self::read("DATABASE_URL", "DATABASE_SECRET_ARN")
    }

    /// `JWT_SECRET`, else `JWT_SECRET_ARN`: one secret, or several `kid:secret` pairs parted by commas; the first signs, all verify.
    pub fn jwt() -> Result<Self, ConfigError> {
        Self::read("JWT_SECRET", "JWT_SECRET_ARN")
    }

    /// `VAPID_SECRET`, else `VAPID_SECRET_ARN`: what the keys of push notifications are derived from; several are parted by commas, and the
    /// first one's key is told to new subscriptions.
    pub fn vapid() -> Result<Self, ConfigError> {
        Self::read("VAPID_SECRET", "VAPID_SECRET_ARN")
    }

    fn read(value: &str, arn: &str) -> Result<Self, ConfigError> {
        match (var(value), var(arn)) {
            (Some(given), _) => Ok(Self::Given(Secret(given))),
            (None, Some(arn)) => Ok(Self::Arn(arn)),
            (None, None) => Err(ConfigError(format!("{value} or {arn} must be set"))),
        }
    }
}

/// Reads a secret as it is now.
#[derive(Clone)]
pub struct Again(Arc<dyn Fn() -> BoxFuture<'static, error::Result<Secret>> + Send + Sync>);

impl Again {
    /// By what this gives.
    pub fn new(read: impl Fn() -> BoxFuture<'static, error::Result<Secret>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Reads it.
    pub async fn read(&self) -> error::Result<Secret> {
        (self.0)().await
    }
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}
