//! Secrets: values that never appear in logs, their sources, and reading them again after a rotation.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{ConfigError, var};
use crate::error;

/// A value that never appears in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the value.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The source of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The value itself (local cloud, tests, containers).
    Given(Secret),
    /// An ARN of AWS Secrets Manager.
    Arn(String),
}

impl SecretSource {
    /// `DATABASE_URL`, else `DATABASE_SECRET_ARN`: a `mysql://` URL of a MySQL-compatible store.
    pub fn database() -> Result<Self, ConfigError> {
        Self::read("DATABASE_URL", "DATABASE_SECRET_ARN")
    }

    /// `DATABASE_USER_SECRET_ARN`: the functions' user of the database, which the migration creates; none where the operator did.
    pub fn database_user() -> Option<Self> {
        var("DATABASE_USER_SECRET_ARN").map(Self::Arn)
    }

    /// `JWT_SECRET`, else `JWT_SECRET_ARN`: one secret, or comma-separated `kid:secret` pairs; the first signs, all verify.
    pub fn jwt() -> Result<Self, ConfigError> {
        Self::read("JWT_SECRET", "JWT_SECRET_ARN")
    }

    /// `VAPID_SECRET`, else `VAPID_SECRET_ARN`: comma-separated secrets that the keys of push notifications derive from; new subscriptions use the
    /// first.
    pub fn vapid() -> Result<Self, ConfigError> {
        Self::read("VAPID_SECRET", "VAPID_SECRET_ARN")
    }

    /// `EDGE_SECRET_ARN`: what the distribution of the web client proves its requests with; none without one.
    pub fn edge() -> Option<Self> {
        var("EDGE_SECRET_ARN").map(Self::Arn)
    }

    fn read(value: &str, arn: &str) -> Result<Self, ConfigError> {
        match (var(value), var(arn)) {
            (Some(given), _) => Ok(Self::Given(Secret(given))),
            (None, Some(arn)) => Ok(Self::Arn(arn)),
            (None, None) => Err(ConfigError(format!("{value} or {arn} must be set"))),
        }
    }
}

/// Reads the current value of a secret.
#[derive(Clone)]
pub struct SecretReader(Arc<dyn Fn() -> BoxFuture<'static, error::Result<Secret>> + Send + Sync>);

impl SecretReader {
    pub fn new(read: impl Fn() -> BoxFuture<'static, error::Result<Secret>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub async fn read(&self) -> error::Result<Secret> {
        (self.0)().await
    }
}

impl fmt::Debug for SecretReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}
