//! Handles the frames of sockets: parses each, calls the domain and answers with one frame (`hello` also with its catch-up). API Gateway always gets
//! 200.

mod changes;
mod reading;

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::caller::{Caller, MessageSender};
use shared::config::Limits;
use shared::domain::auth::session_closings;
use shared::domain::auth::sessions;
use shared::domain::limits::throttle::{SocketFrameLimit, Throttle};
use shared::domain::limits::work_budget::WorkOwner;
use shared::domain::limits::work_costs::{self, Cost, Counter};
use shared::domain::messages::receipts::ReadMarker;
use shared::domain::messages::typing::{TypingSignal, TypingThrottle};
use shared::domain::messages::{self, SendRequest};
use shared::domain::rooms;
use shared::domain::rooms::invite_codes;
use shared::domain::sync;
use shared::edge::extract::bearer;
use shared::edge::http::DEADLINE;
use shared::edge::problem;
use shared::edge::socket::{self, Socket, SocketEvent};
use shared::error::{Error, Result};
use shared::protocol::actions::{Action, JoinRoom, LeaveRoom, MoveMarker, Ping, Renew, SendMessage, SyncRoom, Typing};
use shared::protocol::answers::Ack;
use shared::protocol::frames::Frame;
use shared::protocol::incoming::{self, Incoming};
use shared::protocol::session_end_cause::Cause;
use shared::push::Push;
use shared::push::socket_registry::Connection;
use shared::store::Db;
use shared::telemetry::invocation::{self, Invocation, Outcome};
use shared::time::Timestamp;

use self::reading::CatchUpRequest;
use crate::resources::{self, LateKeys};

#[derive(Debug)]
pub struct State {
    db: Db,
    /// The keys of access tokens, which only `renew` needs.
    keys: LateKeys,
    push: Push,
    limits: Limits,
    /// Charges and limits frames; changes of rooms share their limits with HTTP.
    throttle: Throttle,
    /// Coalesces typing frames.
    typing_throttle: TypingThrottle,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        Ok(Self {
            db: resources::database().await?,
            keys: resources::late_keys()?,
            push: resources::push()?,
            limits: resources::limits()?,
            throttle: resources::throttle()?,
            typing_throttle: TypingThrottle::default(),
        })
    }
}

/// Handles one frame.
pub async fn handle(state: Arc<State>, event: LambdaEvent<SocketEvent>) -> std::result::Result<Value, lambda_runtime::Error> {
    let now = Timestamp::now();
    let invocation = Invocation::begin();
    let event = event.payload;
    let socket = match Socket::of(&event) {
        Ok(socket) => socket,
        Err(error) => {
            problem::log(&error, event.request_id());
            invocation.end(&Outcome { code: error.code(), ..frame(event.request_id()) });
            return Ok(json!({ "statusCode": 200 }));
        }
    };
    let incoming = incoming::read(event.body.as_deref().unwrap_or_default());
    let (id, client_id) = (incoming.id.clone(), incoming.client_id.clone());
    let price = work_costs::of_action(incoming.action.as_ref().ok());
    let uncounted = price.counter == Counter::Row;
    // Boxed because the future contains those of all actions.
    let answering = Box::pin(answer(&state, &socket, incoming, price, now));
    let outcome = invocation::within(DEADLINE, answering).await.unwrap_or_else(|late| Err(Error::unavailable(late).into()));
    let stays = matches!(outcome, Err(Rejected::Token(_)));
    let code = match outcome {
        Ok(frames) => {
            for frame in &frames {
                state.push.to_connection(&socket.connection.id, frame, now).await;
            }
            "ok"
        }
        Err(Rejected::Flooding) => {
            state.push.close(&socket.connection, &socket::too_many_frames(), now).await;
            "too_many_frames"
        }
        Err(Rejected::With(error) | Rejected::Token(error)) => {
            problem::log(&error, &socket.request_id);
            let mut refusal = socket::refusal(&error, &socket.request_id);
            (refusal.id, refusal.client_id) = (id, client_id);
            state.push.to_connection(&socket.connection.id, &Frame::Error(refusal), now).await;
            if !stays {
                end(&state, &socket, &error, uncounted, now).await;
            }
            error.code()
        }
    };
    let connection = Some(socket.connection.id.0.as_str());
    invocation.end(&Outcome { code, connection, ..frame(&socket.request_id) });
    Ok(json!({ "statusCode": 200 }))
}

/// Why a frame was refused.
enum Rejected {
    /// The socket gets an `error` frame.
    With(Error),
    /// A refused token of `renew`: the socket gets an `error` frame and stays open.
    Token(Error),
    /// The socket exceeded its frame limit repeatedly; it gets no further answer.
    Flooding,
}

impl From<Error> for Rejected {
    fn from(error: Error) -> Self {
        Self::With(error)
    }
}

/// Closes the socket after final refusals: an ended session, or ignored limits.
async fn end(state: &State, socket: &Socket, error: &Error, uncounted: bool, now: Timestamp) {
    let Connection { session, id, .. } = &socket.connection;
    match error {
        Error::Unauthenticated(_) => {
            let bye = session_closings::bye_frame(&state.db, *session).await.unwrap_or_else(|_| Cause::Expired.bye());
            state.push.close(&socket.connection, &bye, now).await;
        }
        // Actions with a row-based limit are counted only when they are refused, since nothing else counts them.
        _ if uncounted => {
            if matches!(state.throttle.frame(id, now).await, SocketFrameLimit::Close) {
                state.push.close(&socket.connection, &socket::too_many_frames(), now).await;
            }
        }
        _ => {}
    }
}

/// Authenticates the socket's session, and meanwhile charges the frame and counts it unless a row-based limit applies. An ended session closes the
/// socket.
async fn admit(state: &State, socket: &Socket, price: Cost, now: Timestamp) -> Result<Caller, Rejected> {
    let Connection { user, session, .. } = socket.connection;
    require_budget(state, socket, price, now).await?;
    let admitting =
        state.throttle.admit(sessions::load_caller(&state.db, user, session, now), WorkOwner { user, session }, price, now);
    if price.counter == Counter::Row {
        return Ok(admitting.await?);
    }
    let (caller, counted) = tokio::join!(admitting, count(state, socket, now));
    match (caller, counted) {
        // Flooding closes the socket whatever other refusal applies.
        (_, Err(Rejected::Flooding)) => Err(Rejected::Flooding),
        (caller, counted) => {
            let caller = caller?;
            counted.map(|()| caller)
        }
    }
}

/// Refuses a frame for which the user has no budget, and counts it against the limit of its socket.
async fn require_budget(state: &State, socket: &Socket, price: Cost, now: Timestamp) -> Result<(), Rejected> {
    let Err(refused) = state.throttle.affords(socket.connection.user, price, now) else { return Ok(()) };
    match state.throttle.surplus_frame(&socket.connection.id, now).await {
        SocketFrameLimit::Close => Err(Rejected::Flooding),
        SocketFrameLimit::Within | SocketFrameLimit::Warn(_) => Err(Rejected::With(refused)),
    }
}

async fn count(state: &State, socket: &Socket, now: Timestamp) -> Result<(), Rejected> {
    match state.throttle.frame(&socket.connection.id, now).await {
        SocketFrameLimit::Within => Ok(()),
        SocketFrameLimit::Warn(error) => Err(Rejected::With(error)),
        SocketFrameLimit::Close => Err(Rejected::Flooding),
    }
}

/// Runs the action. The answer goes only to its socket: one frame, except for `hello`, whose catch-up follows, and for marks and typing without `id`.
async fn answer(state: &State, socket: &Socket, incoming: Incoming, price: Cost, now: Timestamp) -> Result<Vec<Frame>, Rejected> {
    let is_answered = incoming.is_answered();
    let id = incoming.id;
    let frames = match incoming.action {
        Ok(Action::Send(sending)) => vec![Frame::Ack(Ack { id, ..admit_message(state, socket, sending, price, now).await? })],
        action => {
            let caller = Caller { connection: Some(socket.connection.id.clone()), ..admit(state, socket, price, now).await? };
            run(state, socket, &caller, action?, id).await?
        }
    };
    Ok(if is_answered { frames } else { Vec::new() })
}

/// Runs the action of a verified caller.
async fn run(
    state: &State,
    socket: &Socket,
    caller: &Caller,
    action: Action,
    id: Option<Box<RawValue>>,
) -> Result<Vec<Frame>, Rejected> {
    let State { db, push, .. } = state;
    Ok(vec![match action {
        Action::Hello(hello) => {
            reading::hello(state, caller, socket, id.clone()).await?;
            let request = CatchUpRequest { rooms: &hello.known_rooms(), packed: hello.packed.unwrap_or_default() };
            reading::catch_up(state, caller, socket, request, id).await?;
            return Ok(Vec::new());
        }
        Action::Read(MoveMarker { room_id, mark }) => {
            reading::mark(state, caller, &socket.room_or_bound(room_id), ReadMarker::Read(mark.seq), id).await?
        }
        Action::Delivered(MoveMarker { room_id, mark }) => {
            reading::mark(state, caller, &socket.room_or_bound(room_id), ReadMarker::Delivered(mark.seq), id).await?
        }
        Action::Typing(Typing { room_id, active }) => {
            let (room, active) = (socket.room_or_bound(room_id), active.unwrap_or(true));
            let signal = TypingSignal { connection: &socket.connection.id, room: &room, active };
            reading::typing(state, caller, signal, id).await?
        }
        Action::Sync(SyncRoom { room_id, rev }) => {
            sync::frame(db, caller, &socket.room_or_bound(room_id), rev.unwrap_or_default(), id).await?
        }
        Action::Ping(Ping { since }) => sync::pong(db, caller, since, id).await?,
        Action::Send(sending) => Frame::Ack(Ack { id, ..send(state, socket, sending, caller.into()).await? }),
        Action::Edit(edit) => Frame::Ack(Ack { id, ..changes::edit(state, caller, &edit).await? }),
        Action::Unsend(target) => Frame::Ack(Ack { id, ..changes::unsend(state, caller, &target).await? }),
        Action::React(react) => Frame::Ack(Ack { id, ..changes::react(state, caller, &react).await? }),
        Action::Unreact(react) => Frame::Ack(Ack { id, ..changes::unreact(state, caller, &react).await? }),
        Action::Join(JoinRoom { room_id, invite }) => {
            let joined = invite_codes::join(db, push, caller, &socket.room_or_bound(room_id), invite.as_deref()).await?;
            Frame::Ack(Ack { id, room_id: Some(joined.id), rev: Some(joined.rev), ..Ack::default() })
        }
        Action::Renew(Renew { token }) => {
            verify_renewal(&state.keys, caller, &token).await.map_err(Rejected::Token)?;
            Frame::Ack(Ack { id, ..Ack::default() })
        }
        Action::Leave(LeaveRoom { room_id, owner }) => {
            let room_id = rooms::leave(db, push, caller, &room_id, owner).await?;
            Frame::Ack(Ack { id, room_id: Some(room_id), ..Ack::default() })
        }
    }])
}

/// Charges and sends a message. Its transaction verifies the session, so that this costs no statement of its own.
async fn admit_message(
    state: &State,
    socket: &Socket,
    sending: SendMessage,
    price: Cost,
    now: Timestamp,
) -> Result<Ack, Rejected> {
    let Connection { user, session, ref id, .. } = socket.connection;
    let owner = WorkOwner { user, session };
    require_budget(state, socket, price, now).await?;
    state.throttle.admit_unverified(owner, price, now).await?;
    let sender = MessageSender { user, session, connection: Some(id.clone()), now, username: None };
    let sent = send(state, socket, sending, sender).await;
    if let Err(Rejected::With(Error::Unauthenticated(_))) = sent {
        state.throttle.withdraw(owner, price, now).await?;
    }
    sent
}

async fn send(state: &State, socket: &Socket, sending: SendMessage, sender: MessageSender) -> Result<Ack, Rejected> {
    let now = sender.now;
    let room = socket.room_or_bound(sending.room_id);
    let request = SendRequest { room: &room, new: &sending.message };
    let sent = messages::send(&state.db, &state.push, &state.limits, sender, request).await?;
    if sent.replayed {
        count(state, socket, now).await?;
    }
    let sent = sent.message;
    Ok(Ack {
        id: None,
        room_id: Some(sent.room_id),
        seq: Some(sent.seq),
        rev: Some(sent.rev),
        message_id: Some(sent.id),
        client_id: sent.client_id,
    })
}

async fn verify_renewal(keys: &LateKeys, caller: &Caller, token: &str) -> Result<()> {
    let token = bearer(token).ok_or(Error::Unauthenticated("unauthenticated"))?;
    sessions::check_renewal(keys.get().await?, caller, token).await
}

fn frame(request_id: &str) -> Outcome<'_> {
    Outcome { request_id, what: "frame", code: "ok", status: None, connection: None }
}
