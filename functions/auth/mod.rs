//! Accounts, sessions and tokens. The only function that hashes passwords; it has its own memory and timeout.

mod login;
mod logout;
mod password;
mod refresh;
mod register;
mod sessions;
mod ticket;

use shared::aws::ephemeral_table::Ephemeral;
use shared::config;
use shared::domain::auth::anonymous::AnonymousCaller;
use shared::domain::auth::tokens::Issuer;
use shared::domain::limits::throttle::Throttle;
use shared::edge::extract::RequestInfo;
use shared::error::{Error, Result};
use shared::protocol::accounts::Authenticated;
use shared::push::Push;
use shared::store::Db;

use crate::resources;
use crate::routes::routes;
use crate::signed_in::auth_state;

#[derive(Debug)]
pub struct State {
    db: Db,
    /// Closes the sockets of ended sessions.
    push: Push,
    issuer: Issuer,
    /// Stores tickets.
    ephemeral: Ephemeral,
    /// Limits registrations, failed logins, tickets and the ending of sessions.
    throttle: Throttle,
    /// Usernames that the deployment reserves.
    reserved_usernames: Vec<String>,
    /// The URL for sockets.
    websocket_url: String,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        let lifetimes = config::TokenConfig::from_env().map_err(Error::internal)?;
        let ephemeral = resources::ephemeral()?;
        Ok(Self {
            db: resources::database().await?,
            push: resources::push()?,
            issuer: Issuer { keys: resources::keys().await?, lifetimes },
            throttle: Throttle::new(ephemeral.clone(), resources::limits()?),
            ephemeral,
            reserved_usernames: config::reserved_usernames(),
            websocket_url: config::websocket_url().map_err(Error::internal)?,
        })
    }
}

auth_state!(State, issuer.keys);

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

fn anonymous_caller(info: RequestInfo) -> AnonymousCaller {
    AnonymousCaller { ip: info.ip, now: info.now }
}

/// Adds the access token under its legacy name.
fn with_token(mut authenticated: Authenticated) -> Authenticated {
    authenticated.tokens.token = Some(authenticated.tokens.access_token.clone());
    authenticated
}
