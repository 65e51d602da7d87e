//! Building what a function touches, from its environment. Each `main` builds only what its handlers take.

use shared::config::{self, Aws, SecretSource};
use shared::domain::tokens::Keys;
use shared::edge::secrets;
use shared::error::{Error, Result};
use shared::push::Push;
use shared::store::Db;

/// The store; its connection opens with the first statement.
pub async fn database() -> Result<Db> {
    let source = SecretSource::database().map_err(Error::internal)?;
    let url = secrets::resolve(source, &aws()?).await?;
    Db::lazy(&url)
}

/// The keys of access tokens.
pub async fn keys() -> Result<Keys> {
    let aws = aws()?;
    let source = SecretSource::jwt().map_err(Error::internal)?;
    let secret = secrets::resolve(source, &aws).await?;
    Keys::new(&secret, aws.is_real)
}

/// The way to the sockets.
pub fn push() -> Result<Push> {
    let tables = config::Tables::from_env().map_err(Error::internal)?;
    Ok(Push::cloud(&aws()?, &tables, config::Push::from_env().map_err(Error::internal)?))
}

/// Sizes and rates.
pub fn limits() -> Result<config::Limits> {
    config::Limits::from_env().map_err(Error::internal)
}

/// Where AWS is, and as whom to call it.
pub fn aws() -> Result<Aws> {
    Aws::from_env().map_err(Error::internal)
}
