//! Accounts, sessions and tokens. The one function that hashes passwords, so its memory and time are its own.

mod login;
mod logout;
mod password;
mod refresh;
mod register;
mod sessions;
mod ticket;

use shared::config::{self, Limits};
use shared::domain::throttle::Throttle;
use shared::domain::tokens::{Issuer, Keys};
use shared::domain::visitor::Visitor;
use shared::edge::extract::Origin;
use shared::error::{Error, Result};
use shared::protocol::accounts::Authenticated;
use shared::push::ephemeral::Ephemeral;
use shared::push::{Push, dynamodb};
use shared::store::Db;

use crate::resources;
use crate::routes::routes;
use crate::signed_in::{Authenticates, Counts};

/// What these handlers touch.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The way to the sockets, to close those of ended sessions.
    pub push: Push,
    /// The keys, and how long what they sign is good for.
    pub issuer: Issuer,
    /// Where tickets are kept.
    pub ephemeral: Ephemeral,
    /// Counts registrations, failed logins, tickets, and what ends sessions.
    pub throttle: Throttle,
    /// Where sockets are opened.
    pub websocket_url: String,
}

impl State {
    /// Builds it all from the environment.
    pub async fn from_env() -> Result<Self> {
        let tables = config::Tables::from_env().map_err(Error::internal)?;
        let lives = config::Tokens::from_env().map_err(Error::internal)?;
        let limits = Limits::from_env().map_err(Error::internal)?;
        let ephemeral = Ephemeral::new(dynamodb::client(&resources::aws()?), tables.ephemeral);
        Ok(Self {
            db: resources::database().await?,
            push: resources::push()?,
            issuer: Issuer { keys: resources::keys().await?, lives },
            throttle: Throttle::new(ephemeral.clone(), limits),
            ephemeral,
            websocket_url: config::websocket_url().map_err(Error::internal)?,
        })
    }
}

impl Authenticates for State {
    fn db(&self) -> &Db {
        &self.db
    }

    fn keys(&self) -> &Keys {
        &self.issuer.keys
    }
}

impl Counts for State {
    fn throttle(&self) -> &Throttle {
        &self.throttle
    }
}

routes!(for State:
    register::register,
    register::older,
    register::older_users,
    login::login,
    login::older,
    login::older_users,
    refresh::refresh,
    logout::logout,
    logout::logout_all,
    sessions::list,
    sessions::revoke,
    password::change,
    ticket::issue,
);

fn visitor(origin: Origin) -> Visitor {
    Visitor { ip: origin.ip, now: origin.now }
}

/// The access token under its older name besides.
fn with_token(mut authenticated: Authenticated) -> Authenticated {
    authenticated.tokens.token = Some(authenticated.tokens.access_token.clone());
    authenticated
}
