//! Builds the resources of functions from the environment. Each `State` contains only what its handlers need.

use std::time::Duration;

use shared::aws::dynamodb;
use shared::aws::ephemeral_table::Ephemeral;
use shared::config::{self, Aws, Secret, SecretSource};
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::edge::distribution::Distribution;
use shared::edge::secrets;
use shared::error::{Error, Result};
use shared::media::Media;
use shared::push::Push;
use shared::push::web::{AllowedHosts, WebPush, vapid};
use shared::store::Db;
use tokio::sync::OnceCell;

/// The database, which connects with the first statement.
pub async fn database() -> Result<Db> {
    let (source, aws) = (SecretSource::database().map_err(Error::internal)?, aws()?);
    let url = secrets::store_url(&source, &aws).await?;
    let again = secrets::reader(&source, &aws, |source, aws| async move { secrets::store_url(&source, &aws).await });
    Db::with_secret_source(&url, again)
}

/// The database's URL.
pub async fn store_url() -> Result<Secret> {
    secrets::store_url(&SecretSource::database().map_err(Error::internal)?, &aws()?).await
}

/// The URL with the functions' own user, where migrations run as another one that creates it.
pub async fn function_user_url() -> Result<Option<Secret>> {
    match SecretSource::database_user() {
        Some(source) => Ok(Some(secrets::store_url(&source, &aws()?).await?)),
        None => Ok(None),
    }
}

/// The keys of access tokens.
pub async fn keys() -> Result<TokenKeys> {
    read_keys(&SecretSource::jwt().map_err(Error::internal)?, &aws()?).await
}

/// Lazily loaded keys of access tokens: the function's start does not wait for the secret.
#[derive(Debug)]
pub struct LateKeys {
    source: SecretSource,
    aws: Aws,
    read: OnceCell<TokenKeys>,
}

impl LateKeys {
    /// Loads the keys on first use. A failure is retried on the next use.
    pub async fn get(&self) -> Result<&TokenKeys> {
        self.read.get_or_try_init(|| read_keys(&self.source, &self.aws)).await
    }
}

/// Lazily loaded keys of access tokens.
pub fn late_keys() -> Result<LateKeys> {
    Ok(LateKeys { source: SecretSource::jwt().map_err(Error::internal)?, aws: aws()?, read: OnceCell::new() })
}

async fn read_keys(source: &SecretSource, aws: &Aws) -> Result<TokenKeys> {
    let secret = secrets::resolve(source, aws).await?;
    let again = secrets::reader(source, aws, |source, aws| async move { secrets::resolve(&source, &aws).await });
    TokenKeys::reloading(&secret, aws.is_real, again)
}

pub fn push() -> Result<Push> {
    let tables = config::TableNames::from_env().map_err(Error::internal)?;
    Ok(Push::cloud(&aws()?, &tables, config::PushConfig::from_env().map_err(Error::internal)?))
}

/// How long a user without a socket stays online.
pub fn presence_grace() -> Result<Duration> {
    config::presence_grace().map_err(Error::internal)
}

pub fn limits() -> Result<config::Limits> {
    config::Limits::from_env().map_err(Error::internal)
}

pub fn throttle() -> Result<Throttle> {
    Ok(Throttle::new(ephemeral()?, limits()?))
}

/// The table of counters and tickets.
pub fn ephemeral() -> Result<Ephemeral> {
    let tables = config::TableNames::from_env().map_err(Error::internal)?;
    Ok(Ephemeral::new(dynamodb::client(&aws()?), tables.ephemeral))
}

pub fn media() -> Result<Media> {
    Ok(Media::new(&aws()?, &config::MediaConfig::from_env().map_err(Error::internal)?))
}

/// The web client's distribution, whose requests count for their clients' addresses.
pub async fn distribution() -> Result<Distribution> {
    let secret = match SecretSource::edge() {
        Some(source) => Some(secrets::resolve(&source, &aws()?).await?),
        None => None,
    };
    Ok(Distribution::new(secret))
}

/// The VAPID keys of push notifications.
pub async fn vapid() -> Result<vapid::VapidKeys> {
    let source = SecretSource::vapid().map_err(Error::internal)?;
    let aws = aws()?;
    vapid::VapidKeys::new(&secrets::resolve(&source, &aws).await?, aws.is_real)
}

/// The allowed push services; in the local cloud also this machine.
pub fn push_hosts() -> Result<AllowedHosts> {
    Ok(AllowedHosts::new(&config::push_hosts(), !aws()?.is_real))
}

/// The Web Push client, and the minimum interval between notifications per user and room.
pub async fn web_push() -> Result<(WebPush, Duration)> {
    let config::NotifyConfig { contact, pause } = config::NotifyConfig::from_env().map_err(Error::internal)?;
    Ok((WebPush::new(vapid().await?, push_hosts()?, contact), pause))
}

pub fn aws() -> Result<Aws> {
    Aws::from_env().map_err(Error::internal)
}
