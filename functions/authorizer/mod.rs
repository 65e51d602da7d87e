//! Authorizes WebSocket handshakes. API Gateway passes the resulting context with every later event of the connection, so that frames need no user
//! lookup.

mod request;

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayCustomAuthorizerResponse;
use aws_lambda_events::iam::{IamPolicyEffect, IamPolicyStatement};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::aws::ephemeral_table::Ephemeral;
use shared::caller::Caller;
use shared::config;
use shared::domain::auth::sessions;
use shared::domain::auth::tickets;
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::throttle::Throttle;
use shared::edge::problem;
use shared::error::{Error, Result};
use shared::store::Db;
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

use self::request::Credentials;
pub use self::request::Handshake;
use crate::resources;

#[derive(Debug)]
pub struct State {
    db: Db,
    keys: TokenKeys,
    /// Stores tickets.
    ephemeral: Ephemeral,
    /// Limits opened sockets.
    throttle: Throttle,
    /// The origins whose pages may open a socket; empty or `*` allows any.
    origins: Vec<String>,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        let ephemeral = resources::ephemeral()?;
        Ok(Self {
            db: resources::database().await?,
            keys: resources::keys().await?,
            throttle: Throttle::new(ephemeral.clone(), resources::limits()?),
            ephemeral,
            origins: config::allowed_origins(),
        })
    }
}

/// Answers a handshake with a policy that allows (101) or denies it (403: foreign origin, too many sockets), or with the error `Unauthorized`, which
/// API Gateway turns into 401. Any other error becomes 500.
pub async fn handle(
    state: Arc<State>,
    event: LambdaEvent<Handshake>,
) -> Result<ApiGatewayCustomAuthorizerResponse, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let handshake = event.payload;
    let admitted = admit(&state, &handshake, Timestamp::now()).await;
    let code = admitted.as_ref().map_or_else(Error::code, |_| "ok");
    invocation.end(&Outcome { request_id: handshake.request_id(), what: "handshake", code, status: None, connection: None });
    match admitted {
        Ok(caller) => Ok(answer(&handshake, Some(&caller))),
        Err(Error::Unauthenticated(_)) => Err("Unauthorized".into()),
        Err(Error::Forbidden(_) | Error::TooMany { .. }) => Ok(answer(&handshake, None)),
        Err(error) => {
            problem::log(&error, handshake.request_id());
            Err("Unavailable".into())
        }
    }
}

async fn admit(state: &State, handshake: &Handshake, now: Timestamp) -> Result<Caller> {
    // Checked before the credential, so that a foreign page cannot use up a ticket.
    if !handshake.origin().is_none_or(|origin| is_allowed(&state.origins, origin)) {
        return Err(Error::Forbidden("not_allowed"));
    }
    let caller = match handshake.credential() {
        Some(Credentials::Token(token)) => sessions::authenticate(&state.db, &state.keys, token, now).await?,
        Some(Credentials::Ticket(ticket)) => tickets::redeem(&state.db, &state.ephemeral, ticket, now).await?,
        None => return Err(Error::Unauthenticated("unauthenticated")),
    };
    state.throttle.connect(caller.user, now).await?;
    Ok(caller)
}

/// Compares whole origins: a substring can be another site's origin.
fn is_allowed(allowed: &[String], origin: &str) -> bool {
    allowed.is_empty() || allowed.iter().any(|one| one == "*" || one.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// Builds the policy and the context of later events. API Gateway requires string values.
fn answer(handshake: &Handshake, caller: Option<&Caller>) -> ApiGatewayCustomAuthorizerResponse {
    let mut statement = IamPolicyStatement::default();
    statement.action = vec!["execute-api:Invoke".into()];
    statement.effect = if caller.is_some() { IamPolicyEffect::Allow } else { IamPolicyEffect::Deny };
    statement.resource = vec![handshake.method_arn.clone()];
    let mut answer = ApiGatewayCustomAuthorizerResponse::default();
    answer.principal_id = Some(caller.map_or_else(|| "nobody".into(), |caller| caller.user.to_string()));
    answer.policy_document.version = Some("2012-10-17".into());
    answer.policy_document.statement = vec![statement];
    answer.context = caller.map_or_else(|| json!({}), |caller| context(handshake, caller));
    answer
}

fn context(handshake: &Handshake, caller: &Caller) -> Value {
    let dialect = handshake.dialect();
    let mut context = json!({
        "user_id": caller.user.to_string(),
        "username": caller.username,
        "session_id": caller.session.to_string(),
        "lean": dialect.is_lean().to_string(),
        "packed": dialect.is_packed().to_string(),
    });
    if let Some(room) = handshake.room() {
        context["room"] = Value::String(room);
    }
    context
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn an_origin_is_allowed_whole_or_not_at_all() {
        let allowed = ["https://app.example.com".to_owned(), "http://localhost:3000/".to_owned()];
        for origin in ["https://app.example.com", "HTTPS://APP.EXAMPLE.COM", "http://localhost:3000"] {
            assert!(is_allowed(&allowed, origin), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "",
            "http://app.example.com",
            "https://app.example.com.evil.io",
            "https://app.example.com:444",
        ] {
            assert!(!is_allowed(&allowed, origin), "{origin}");
        }
        assert!(is_allowed(&[], "https://anything.example"));
        assert!(is_allowed(&["*".to_owned()], "null"));
    }
}
