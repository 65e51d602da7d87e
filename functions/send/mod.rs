//! Every frame that a socket sends: read, done by the domain, answered by one frame (`hello` by its catch-up besides). API Gateway always hears 200.

mod changes;
mod reading;

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::config::Limits;
use shared::domain::prices::{self, Counter, Price};
use shared::domain::receipts::Mark;
use shared::domain::throttle::{Flood, Throttle};
use shared::domain::typing::Pace;
use shared::domain::work::Who;
use shared::domain::{endings, invites, messages, rooms, sessions, sync};
use shared::edge::extract::bearer;
use shared::edge::http::DEADLINE;
use shared::edge::problem;
use shared::edge::socket::{self, Event, Socket};
use shared::error::{Error, Result};
use shared::protocol::actions::Action;
use shared::protocol::endings::Cause;
use shared::protocol::frames::{Ack, Frame};
use shared::protocol::incoming::{self, Incoming};
use shared::push::Push;
use shared::push::registry::Connection;
use shared::store::Db;
use shared::telemetry::invocation::{self, End, Invocation};
use shared::time::Timestamp;

use crate::resources::LateKeys;

/// What this function touches.
#[derive(Debug)]
pub struct State {
    /// The store.
    pub db: Db,
    /// The keys of access tokens; only `renew` needs them.
    pub keys: LateKeys,
    /// The way to the sockets.
    pub push: Push,
    /// Sizes and rates.
    pub limits: Limits,
    /// Charges frames and counts them; what changes rooms together with what is done over HTTP.
    pub throttle: Throttle,
    /// Who has told lately that they write.
    pub pace: Pace,
}

/// Serves one frame.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Event>) -> std::result::Result<Value, lambda_runtime::Error> {
    let now = Timestamp::now();
    let invocation = Invocation::begin();
    let event = event.payload;
    let socket = match Socket::of(&event) {
        Ok(socket) => socket,
        Err(error) => {
            problem::log(&error, event.request_id());
            invocation.end(&End { code: error.code(), ..frame(event.request_id()) });
            return Ok(json!({ "statusCode": 200 }));
        }
    };
    let incoming = incoming::read(event.body.as_deref().unwrap_or_default());
    let (id, client_id) = (incoming.id.clone(), incoming.client_id.clone());
    let price = prices::action(incoming.action.as_ref().ok());
    let uncounted = price.counter == Counter::Row;
    // Boxed: every action's future is in there.
    let answering = Box::pin(answer(&state, &socket, incoming, (price, now)));
    let outcome = invocation::within(DEADLINE, answering).await.unwrap_or_else(|late| Err(Error::unavailable(late).into()));
    let stays = matches!(outcome, Err(Refused::Token(_)));
    let code = match outcome {
        Ok(frames) => {
            for frame in &frames {
                state.push.to_connection(&socket.connection.id, frame, now).await;
            }
            "ok"
        }
        Err(Refused::Flooding) => {
            state.push.close(&socket.connection, &socket::flooding(), now).await;
            "too_many_frames"
        }
        Err(Refused::With(error) | Refused::Token(error)) => {
            problem::log(&error, &socket.request_id);
            let mut refusal = socket::refusal(&error, &socket.request_id);
            (refusal.id, refusal.client_id) = (id, client_id);
            state.push.to_connection(&socket.connection.id, &Frame::Error(refusal), now).await;
            if !stays {
                end(&state, &socket, (&error, uncounted), now).await;
            }
            error.code()
        }
    };
    let connection = Some(socket.connection.id.0.as_str());
    invocation.end(&End { code, connection, ..frame(&socket.request_id) });
    Ok(json!({ "statusCode": 200 }))
}

/// Why a frame was not done.
enum Refused {
    /// And its socket is told so.
    With(Error),
    /// The same for a token that it showed. It says nothing of whose the socket is, so that goes on.
    Token(Error),
    /// The socket was told often enough.
    Flooding,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::With(error)
    }
}

/// Some refusals are the last: those of an ended session, and of limits that a socket will not hear of.
async fn end(state: &State, socket: &Socket, (error, uncounted): (&Error, bool), now: Timestamp) {
    let Connection { session, id, .. } = &socket.connection;
    match error {
        Error::Unauthenticated(_) => {
            let bye = endings::bye(&state.db, *session).await.unwrap_or_else(|_| Cause::Expired.bye());
            state.push.close(&socket.connection, &bye, now).await;
        }
        // What has a limit on a row of its own is counted once it is refused, for whatever reason: nothing else would count it.
        _ if uncounted => {
            if matches!(state.throttle.frame(id, now).await, Flood::Endless) {
                state.push.close(&socket.connection, &socket::flooding(), now).await;
            }
        }
        _ => {}
    }
}

/// Whose frame it is. A session that ended since the socket opened ends the socket, too. The frame is charged meanwhile, and counted if no row does.
async fn admitted(state: &State, socket: &Socket, price: Price, now: Timestamp) -> Result<Caller, Refused> {
    let Connection { user, session, .. } = socket.connection;
    if let Err(refused) = state.throttle.affords(user, price, now) {
        return match state.throttle.surplus_frame(&socket.connection.id, now).await {
            Flood::Endless => Err(Refused::Flooding),
            Flood::No | Flood::Of(_) => Err(Refused::With(refused)),
        };
    }
    let admitting = state.throttle.admit(sessions::resume(&state.db, user, session, now), Who { user, session }, price, now);
    if price.counter == Counter::Row {
        return Ok(admitting.await?);
    }
    let (caller, counted) = tokio::join!(admitting, count(state, socket, now));
    match (caller, counted) {
        // Who floods is closed, whatever else they may not do.
        (_, Err(Refused::Flooding)) => Err(Refused::Flooding),
        (caller, counted) => {
            let caller = caller?;
            counted.map(|()| caller)
        }
    }
}

async fn count(state: &State, socket: &Socket, now: Timestamp) -> Result<(), Refused> {
    match state.throttle.frame(&socket.connection.id, now).await {
        Flood::No => Ok(()),
        Flood::Of(error) => Err(Refused::With(error)),
        Flood::Endless => Err(Refused::Flooding),
    }
}

/// Does what the frame asks for; the answer is for its socket alone. It is one frame, but for `hello`, whose catch-up follows it.
async fn answer(
    state: &State,
    socket: &Socket,
    incoming: Incoming,
    (price, now): (Price, Timestamp),
) -> Result<Vec<Frame>, Refused> {
    let State { db, push, limits, .. } = state;
    let caller = admitted(state, socket, price, now).await?;
    let id = incoming.id;
    Ok(vec![match incoming.action? {
        Action::Hello { rooms, packed } => {
            reading::hello(state, &caller, socket, id.clone()).await?;
            reading::catch_up(state, &caller, socket, (&rooms, packed), id).await?;
            return Ok(Vec::new());
        }
        Action::Read { room, seq } => reading::mark(state, &caller, &socket.room_or_bound(room), Mark::Read(seq), id).await?,
        Action::Delivered { room, seq } => {
            reading::mark(state, &caller, &socket.room_or_bound(room), Mark::Delivered(seq), id).await?
        }
        Action::Typing { room, active } => {
            reading::typing(state, &caller, socket, (&socket.room_or_bound(room), active), id).await?
        }
        Action::Sync { room, rev } => sync::frame(db, &caller, &socket.room_or_bound(room), rev, id).await?,
        Action::Ping { since } => {
            let (changed, complete) = match since {
                Some(since) => rooms::changed_since(db, &caller, Timestamp(since)).await?,
                None => (Vec::new(), true),
            };
            Frame::Pong { id, ts: now.0, changed, complete }
        }
        Action::Send { room, message } => {
            let room = socket.room_or_bound(room);
            let sent = messages::send(db, push, limits, &caller, (&room, &message)).await?;
            if sent.replayed {
                count(state, socket, now).await?;
            }
            let sent = sent.message;
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
        Action::Renew { token } => {
            renewed(&state.keys, &caller, &token).await.map_err(Refused::Token)?;
            Frame::Ack(Ack { id, ..Ack::default() })
        }
        Action::Leave { room, owner } => {
            let room_id = rooms::leave(db, push, &caller, &room, owner).await?;
            Frame::Ack(Ack { id, room_id: Some(room_id), ..Ack::default() })
        }
    }])
}

async fn renewed(keys: &LateKeys, caller: &Caller, token: &str) -> Result<()> {
    let token = bearer(token).ok_or(Error::Unauthenticated("unauthenticated"))?;
    sessions::renew(keys.get().await?, caller, token).await
}

fn frame(request_id: &str) -> End<'_> {
    End { request_id, what: "frame", code: "ok", status: None, connection: None }
}
