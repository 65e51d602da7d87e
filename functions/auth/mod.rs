//! Accounts, sessions and tokens. The one function that hashes passwords, so its memory and time are its own.

mod login;
mod logout;
mod password;
mod refresh;
mod register;
mod sessions;
mod ticket;

use std::sync::Arc;

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
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::resources;
use crate::signed_in::Authenticates;

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
    /// Counts registrations, failed logins and tickets.
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

/// Every route of this function, ready to serve.
pub fn router(state: Arc<State>) -> OpenApiRouter {
    routes().with_state(state)
}

/// Every route of this function, with its documentation.
pub fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(register::older))
        .routes(routes!(register::older_users))
        .routes(routes!(login::login))
        .routes(routes!(login::older))
        .routes(routes!(login::older_users))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(logout::logout_all))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::revoke))
        .routes(routes!(password::change))
        .routes(routes!(ticket::issue))
}

fn visitor(origin: Origin) -> Visitor {
    Visitor { ip: origin.ip, now: origin.now }
}

/// The access token under its older name besides.
fn with_token(mut authenticated: Authenticated) -> Authenticated {
    authenticated.tokens.token = Some(authenticated.tokens.access_token.clone());
    authenticated
}
