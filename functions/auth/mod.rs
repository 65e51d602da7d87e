//! Accounts, sessions and tokens. The only function that hashes passwords; it has its own memory and timeout.

mod login;
mod logout;
mod password;
mod refresh;
mod register;
mod sessions;
mod ticket;

use shared::aws::dynamodb;
use shared::aws::ephemeral_table::Ephemeral;
use shared::config::{self, Limits};
use shared::domain::auth::anonymous::AnonymousCaller;
use shared::domain::auth::tokens::{Issuer, TokenKeys};
use shared::domain::limits::throttle::Throttle;
use shared::edge::extract::RequestInfo;
use shared::error::{Error, Result};
use shared::protocol::accounts::Authenticated;
use shared::push::Push;
use shared::store::Db;

use crate::resources;
use crate::routes::routes;
use crate::signed_in::{HasKeys, HasThrottle};

#[derive(Debug)]
pub struct State {
    pub db: Db,
    /// Closes the sockets of ended sessions.
    pub push: Push,
    pub issuer: Issuer,
    /// Stores tickets.
    pub ephemeral: Ephemeral,
    /// Limits registrations, failed logins, tickets and the ending of sessions.
    pub throttle: Throttle,
    /// The URL for sockets.
    pub websocket_url: String,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        let tables = config::TableNames::from_env().map_err(Error::internal)?;
        let lives = config::TokenConfig::from_env().map_err(Error::internal)?;
        let limits = Limits::from_env().map_err(Error::internal)?;
        let ephemeral = Ephemeral::new(dynamodb::client(&resources::aws()?), tables.ephemeral);
        Ok(Self {
            db: resources::database().await?,
            push: resources::push()?,
            issuer: Issuer { keys: resources::keys().await?, lifetimes: lives },
            throttle: Throttle::new(ephemeral.clone(), limits),
            ephemeral,
            websocket_url: config::websocket_url().map_err(Error::internal)?,
        })
    }
}

impl HasKeys for State {
    fn db(&self) -> &Db {
        &self.db
    }

    fn keys(&self) -> &TokenKeys {
        &self.issuer.keys
    }
}

impl HasThrottle for State {
    fn throttle(&self) -> &Throttle {
        &self.throttle
    }
}

routes!(for State:
    register::register,
    register::legacy_register,
    register::legacy_users_register,
    login::login,
    login::legacy_login,
    login::legacy_users_login,
    refresh::refresh,
    logout::logout,
    logout::logout_all,
    sessions::list,
    sessions::revoke,
    password::change,
    ticket::issue,
);

fn visitor(origin: RequestInfo) -> AnonymousCaller {
    AnonymousCaller { ip: origin.ip, now: origin.now }
}

/// Adds the access token under its legacy name.
fn with_token(mut authenticated: Authenticated) -> Authenticated {
    authenticated.tokens.token = Some(authenticated.tokens.access_token.clone());
    authenticated
}
