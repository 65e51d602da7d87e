//! Actions of readers: `hello`, read markers, typing and synchronisation.

use serde_json::value::RawValue;
use shared::caller::Caller;
use shared::domain::limits::work_costs;
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::typing::{self, TypingSignal};
use shared::domain::sync::catch_up::{MAX_PACKED, packed_frames, single_frames};
use shared::domain::sync::welcome;
use shared::edge::socket::Socket;
use shared::error::Result;
use shared::id::RoomRef;
use shared::protocol::answers::Ack;
use shared::protocol::frames::{Changed, Frame};

use super::State;

/// Sends `welcome` at once, independently of the catch-up.
pub(super) async fn hello(state: &State, caller: &Caller, socket: &Socket, id: Option<Box<RawValue>>) -> Result<()> {
    let welcome = welcome::welcome(&state.db, &state.push, caller, &socket.connection, id).await?;
    state.push.to_connection(&socket.connection.id, &welcome, caller.now).await;
    Ok(())
}

/// The rooms known to a client, and whether it accepts `catch_up` frames for many rooms.
#[derive(Clone, Copy)]
pub(super) struct CatchUpRequest<'a> {
    pub(super) rooms: &'a [Changed],
    pub(super) packed: bool,
}

/// Sends the changes of the rooms known to the client. Limit: one catch-up per user at a time, charged by its number of rooms.
pub(super) async fn catch_up(
    state: &State,
    caller: &Caller,
    socket: &Socket,
    request: CatchUpRequest<'_>,
    id: Option<Box<RawValue>>,
) -> Result<()> {
    let CatchUpRequest { rooms, packed } = request;
    if rooms.is_empty() {
        return Ok(());
    }
    let posts = if packed { MAX_PACKED } else { rooms.len() };
    state.throttle.charge(caller.user, work_costs::of_catch_up(rooms.len(), posts), caller.now).await?;
    let turn = state.throttle.lease_catch_up(caller.user, caller.now).await?;
    let frames =
        if packed { packed_frames(&state.db, caller, rooms, id).await } else { single_frames(&state.db, caller, rooms).await };
    if let Ok(frames) = &frames {
        for frame in frames {
            state.push.to_connection(&socket.connection.id, frame, caller.now).await;
        }
    }
    state.throttle.release_catch_up(turn).await;
    frames.map(drop)
}

/// Raises a read marker.
pub(super) async fn mark(
    state: &State,
    caller: &Caller,
    room: &RoomRef,
    mark: ReadMarker,
    id: Option<Box<RawValue>>,
) -> Result<Frame> {
    let receipt = receipts::raise_marker(&state.db, &state.push, caller, room, mark).await?;
    let seq = match mark {
        ReadMarker::Read(_) => receipt.read_seq,
        ReadMarker::Delivered(_) => receipt.delivered_seq,
    };
    Ok(Frame::Ack(Ack { id, room_id: Some(receipt.room_id), seq: Some(seq), ..Ack::default() }))
}

/// Sends the typing indicator to other members.
pub(super) async fn typing(state: &State, caller: &Caller, signal: TypingSignal<'_>, id: Option<Box<RawValue>>) -> Result<Frame> {
    let room_id = typing::send(&state.db, &state.push, caller, &state.typing_throttle, signal).await?;
    Ok(Frame::Ack(Ack { id, room_id: Some(room_id), ..Ack::default() }))
}
