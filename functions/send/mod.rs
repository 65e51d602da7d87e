//! Every frame that a socket sends: read, done by the domain, answered by one frame (`hello` by its catch-up besides). API Gateway always hears 200.

mod changes;
mod reading;

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::config::Limits;
use shared::domain::receipts::Mark;
use shared::domain::typing::Pace;
use shared::domain::{invites, messages, rooms, sessions, sync};
use shared::edge::http::DEADLINE;
use shared::edge::problem;
use shared::edge::socket::{self, Event, Socket};
use shared::error::{Error, Result};
use shared::protocol::actions::{self, Action, Incoming};
use shared::protocol::frames::{Ack, Frame};
use shared::push::{Push, Sessions};
use shared::store::Db;
use shared::time::Timestamp;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The way to the sockets.
    pub push: Push,
    /// Sizes and rates.
    pub limits: Limits,
    /// Who has told lately that they write.
    pub pace: Pace,
}

/// Serves one frame.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Event>) -> std::result::Result<Value, lambda_runtime::Error> {
    let now = Timestamp::now();
    let started = std::time::Instant::now();
    let event = event.payload;
    let socket = match Socket::of(&event) {
        Ok(socket) => socket,
        Err(error) => {
            problem::log(&error, event.request_id());
            return Ok(json!({ "statusCode": 200 }));
        }
    };
    let incoming = actions::read(event.body.as_deref().unwrap_or_default());
    let (id, client_id) = (incoming.id.clone(), incoming.client_id.clone());
    // Boxed: every action's future is in there.
    let answering = Box::pin(answer(&state, &socket, incoming, now));
    let outcome = tokio::time::timeout(DEADLINE, answering).await.unwrap_or_else(|late| Err(Error::unavailable(late)));
    let code = outcome.as_ref().err().map_or("ok", Error::code);
    let frames = match outcome {
        Ok(frames) => frames,
        Err(error) => {
            problem::log(&error, &socket.request_id);
            let mut refusal = socket::refusal(&error, &socket.request_id);
            (refusal.id, refusal.client_id) = (id, client_id);
            state.push.to_connection(&socket.connection.id, &Frame::Error(refusal), now).await;
            if let Error::Unauthenticated(code) = error {
                let session = Sessions::One(socket.connection.session);
                state.push.close_sessions(socket.connection.user, session, code, now).await;
            }
            log(&socket, code, started);
            return Ok(json!({ "statusCode": 200 }));
        }
    };
    for frame in &frames {
        state.push.to_connection(&socket.connection.id, frame, now).await;
    }
    log(&socket, code, started);
    Ok(json!({ "statusCode": 200 }))
}

/// Does what the frame asks for; the answer is for its socket alone. It is one frame, but for `hello`, whose catch-up follows it.
async fn answer(state: &State, socket: &Socket, incoming: Incoming, now: Timestamp) -> Result<Vec<Frame>> {
    let State { db, push, limits, .. } = state;
    // A session that ended since the socket opened ends the socket, too.
    let caller = sessions::resume(db, socket.connection.user, socket.connection.session, now).await?;
    let id = incoming.id;
    Ok(vec![match incoming.action? {
        Action::Hello { rooms } => return reading::hello(state, &caller, socket, &rooms, id).await,
        Action::Read { room, seq } => reading::mark(state, &caller, &socket.room_or_bound(room), Mark::Read(seq), id).await?,
        Action::Delivered { room, seq } => {
            reading::mark(state, &caller, &socket.room_or_bound(room), Mark::Delivered(seq), id).await?
        }
        Action::Typing { room, active } => {
            reading::typing(state, &caller, socket, (&socket.room_or_bound(room), active), id).await?
        }
        Action::Sync { room, rev } => sync::frame(db, &caller, &socket.room_or_bound(room), rev, id).await?,
        Action::Ping { since } => {
            let changed = match since {
                Some(since) => rooms::changed_since(db, &caller, Timestamp(since)).await?,
                None => Vec::new(),
            };
            Frame::Pong { id, ts: now.0, changed }
        }
        Action::Send { room, message } => {
            let room = socket.room_or_bound(room);
            let sent = messages::send(db, push, limits, &caller, (&room, &message)).await?.message;
            Frame::Ack(Ack {
                id,
                room_id: Some(sent.room_id),
                seq: Some(sent.seq),
                rev: Some(sent.rev),
                message_id: Some(sent.id),
                client_id: sent.client_id,
            })
        }
        Action::Change { room, seq, change } => {
            Frame::Ack(Ack { id, ..changes::done(state, &caller, (&room, seq), change).await? })
        }
        Action::Join { room, invite } => {
            let joined = invites::join(db, push, &caller, &socket.room_or_bound(room), invite.as_deref()).await?;
            Frame::Ack(Ack { id, room_id: Some(joined.id), rev: Some(joined.rev), ..Ack::default() })
        }
        Action::Leave { room, owner } => {
            let room_id = rooms::leave(db, push, &caller, &room, owner).await?;
            Frame::Ack(Ack { id, room_id: Some(room_id), ..Ack::default() })
        }
    }])
}

fn log(socket: &Socket, code: &str, started: std::time::Instant) {
    tracing::info!(
        request_id = socket.request_id,
        connection = socket.connection.id.0,
        user = socket.connection.user.0,
        code,
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "frame"
    );
}
