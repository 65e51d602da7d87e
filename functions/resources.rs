//! Building what a function touches, from its environment. Each `main` builds only what its handlers take.

use std::time::Duration;

use shared::config::{self, Aws, Secret, SecretSource};
use shared::domain::throttle::Throttle;
use shared::domain::tokens::Keys;
use shared::edge::secrets;
use shared::error::{Error, Result};
use shared::media::Media;
use shared::push::ephemeral::Ephemeral;
use shared::push::web::{Hosts, WebPush, vapid};
use shared::push::{Push, dynamodb};
use shared::store::Db;
use tokio::sync::OnceCell;

/// The store; its connection opens with the first statement.
pub async fn database() -> Result<Db> {
    let (source, aws) = (SecretSource::database().map_err(Error::internal)?, aws()?);
    let url = secrets::store_url(&source, &aws).await?;
    let again = secrets::again(&source, &aws, |source, aws| async move { secrets::store_url(&source, &aws).await });
    Db::following(&url, again)
}

/// The store's URL alone.
pub async fn store_url() -> Result<Secret> {
    secrets::store_url(&SecretSource::database().map_err(Error::internal)?, &aws()?).await
}

/// The keys of access tokens.
pub async fn keys() -> Result<Keys> {
    read_keys(&SecretSource::jwt().map_err(Error::internal)?, &aws()?).await
}

/// The keys of access tokens for a function that seldom needs them: starting it does not wait for their secret.
#[derive(Debug)]
pub struct LateKeys {
    source: SecretSource,
    aws: Aws,
    read: OnceCell<Keys>,
}

impl LateKeys {
    /// Reads them, the first time. What could not be read is read again the next time.
    pub async fn get(&self) -> Result<&Keys> {
        self.read.get_or_try_init(|| read_keys(&self.source, &self.aws)).await
    }
}

/// The keys of access tokens, to be read when one is first shown.
pub fn late_keys() -> Result<LateKeys> {
    Ok(LateKeys { source: SecretSource::jwt().map_err(Error::internal)?, aws: aws()?, read: OnceCell::new() })
}

async fn read_keys(source: &SecretSource, aws: &Aws) -> Result<Keys> {
    let secret = secrets::resolve(source, aws).await?;
    let again = secrets::again(source, aws, |source, aws| async move { secrets::resolve(&source, &aws).await });
    Keys::following(&secret, aws.is_real, again)
}

/// The way to the sockets.
pub fn push() -> Result<Push> {
    let tables = config::Tables::from_env().map_err(Error::internal)?;
    Ok(Push::cloud(&aws()?, &tables, config::Push::from_env().map_err(Error::internal)?))
}

/// How long somebody may be without a socket before others are told.
pub fn presence_grace() -> Result<Duration> {
    config::presence_grace().map_err(Error::internal)
}

/// Sizes and rates.
pub fn limits() -> Result<config::Limits> {
    config::Limits::from_env().map_err(Error::internal)
}

/// What counts attempts.
pub fn throttle() -> Result<Throttle> {
    let tables = config::Tables::from_env().map_err(Error::internal)?;
    Ok(Throttle::new(Ephemeral::new(dynamodb::client(&aws()?), tables.ephemeral), limits()?))
}

/// The way to pictures and files.
pub fn media() -> Result<Media> {
    Ok(Media::new(&aws()?, &config::Media::from_env().map_err(Error::internal)?))
}

/// The keys of push notifications.
pub async fn vapid() -> Result<vapid::Keys> {
    let source = SecretSource::vapid().map_err(Error::internal)?;
    let aws = aws()?;
    vapid::Keys::new(&secrets::resolve(&source, &aws).await?, aws.is_real)
}

/// Which push services may be called: in the local cloud one on this machine, too.
pub fn push_hosts() -> Result<Hosts> {
    Ok(Hosts::new(&config::push_hosts(), !aws()?.is_real))
}

/// The way to devices, and how often they are told of one room.
pub async fn web_push() -> Result<(WebPush, Duration)> {
    let config::Notify { contact, pause } = config::Notify::from_env().map_err(Error::internal)?;
    Ok((WebPush::new(vapid().await?, push_hosts()?, contact), pause))
}

/// Where AWS is, and as whom to call it.
pub fn aws() -> Result<Aws> {
    Aws::from_env().map_err(Error::internal)
}
