//! Opens a socket: checks its room and joins a public one, registers the socket, echoes its subprotocol. API Gateway accepts no posts to it yet.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::domain::auth::session_closings;
use shared::domain::auth::sessions;
use shared::domain::rooms::{self, audience};
use shared::edge::problem;
use shared::edge::socket::{Socket, SocketEvent};
use shared::error::{Error, Result};
use shared::protocol::dialect::Dialect;
use shared::push::Push;
use shared::push::socket_registry::Connection;
use shared::store::Db;
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

use crate::resources;

#[derive(Debug)]
pub struct State {
    db: Db,
    push: Push,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self { db: resources::database().await?, push: resources::push()? })
    }
}

/// Decides whether the socket may open; any status but 200 refuses the handshake.
pub async fn handle(state: Arc<State>, event: LambdaEvent<SocketEvent>) -> std::result::Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let event = event.payload;
    let request_id = event.request_id().to_owned();
    let outcome = open(&state, &event, Timestamp::now()).await;
    let status = outcome.as_ref().map_or_else(|error| problem::status(error).as_u16(), |()| 200);
    let code = outcome.as_ref().map_or_else(Error::code, |()| "ok");
    let connection = event.connection_id();
    invocation.end(&Outcome { request_id: &request_id, what: "connect", code, status: Some(status), connection });
    if let Err(error) = outcome {
        problem::log(&error, &request_id);
        return Ok(json!({ "statusCode": status }));
    }
    Ok(match chosen(event.header("sec-websocket-protocol").unwrap_or_default()) {
        Some(protocol) => json!({ "statusCode": 200, "headers": { "Sec-WebSocket-Protocol": protocol } }),
        None => json!({ "statusCode": 200 }),
    })
}

async fn open(state: &State, event: &SocketEvent, now: Timestamp) -> Result<()> {
    let socket = Socket::of(event)?;
    let Connection { user, session, id, .. } = &socket.connection;
    if let Some(room) = &socket.bound {
        let caller: Caller = sessions::load_caller(&state.db, *user, *session, now).await?;
        rooms::join_if_public(&state.db, &state.push, &caller, room).await?;
    }
    let noted = state.push.register(&socket.connection).await?;
    let opened = async {
        // Ending a session closes its registered sockets. A socket that registers later detects the end here, before it receives a frame.
        session_closings::check_opened(&state.db, &socket.connection, now).await?;
        audience::add_socket(&state.db, &state.push, &socket.connection, &noted).await
    };
    if let Err(refusal) = opened.await {
        state.push.unregister(*user, id, now).await?;
        return Err(refusal);
    }
    Ok(())
}

/// Returns the offered dialect, else the subprotocol that carried the token: browsers require one of the offered subprotocols.
fn chosen(offered: &str) -> Option<&str> {
    let mut protocols = offered.split(',').map(str::trim);
    Dialect::of_offer(offered).subprotocol().or_else(|| protocols.find(|protocol| protocol.starts_with("bearer.")))
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn the_dialect_is_chosen_before_the_token() {
        assert_eq!(chosen("bearer.t.o.k, conchat.v1"), Some("conchat.v1"));
        assert_eq!(chosen("conchat.v1, conchat.v2"), Some("conchat.v2"));
        assert_eq!(chosen("bearer.t.o.k"), Some("bearer.t.o.k"));
        assert_eq!(chosen("graphql-ws"), None);
        assert_eq!(chosen(""), None);
    }
}
