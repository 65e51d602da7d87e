//! What a socket says while its person reads: how far, that they write, what they missed.

use serde_json::value::RawValue;
use shared::caller::Caller;
use shared::domain::catching_up::{MOST_PACKED, frames, packed_frames};
use shared::domain::receipts::{self, Mark};
use shared::domain::{prices, typing, welcome};
use shared::edge::socket::Socket;
use shared::error::Result;
use shared::id::{RoomId, RoomRef};
use shared::protocol::frames::{Ack, Frame};

use super::State;

/// `welcome`, sent at once: whatever becomes of the catch-up, the socket is open.
pub(super) async fn hello(state: &State, caller: &Caller, socket: &Socket, id: Option<Box<RawValue>>) -> Result<()> {
    let welcome = welcome::welcome(&state.db, &state.push, caller, &socket.connection, id).await?;
    state.push.to_connection(&socket.connection.id, &welcome, caller.now).await;
    Ok(())
}

/// What changed in the rooms that the client knows already: one catch-up of a person at a time, charged by the rooms that it names.
pub(super) async fn catch_up(
    state: &State,
    caller: &Caller,
    socket: &Socket,
    (rooms, packed): (&[(RoomId, u64)], bool),
    id: Option<Box<RawValue>>,
) -> Result<()> {
    if rooms.is_empty() {
        return Ok(());
    }
    let posts = if packed { MOST_PACKED } else { rooms.len() };
    state.throttle.charge(caller.user, prices::catch_up(rooms.len(), posts), caller.now).await?;
    let turn = state.throttle.turn(caller.user, caller.now).await?;
    let frames = if packed { packed_frames(&state.db, caller, rooms, id).await } else { frames(&state.db, caller, rooms).await };
    if let Ok(frames) = &frames {
        for frame in frames {
            state.push.to_connection(&socket.connection.id, frame, caller.now).await;
        }
    }
    state.throttle.done(turn).await;
    frames.map(drop)
}

/// Raises a mark.
pub(super) async fn mark(state: &State, caller: &Caller, room: &RoomRef, mark: Mark, id: Option<Box<RawValue>>) -> Result<Frame> {
    let receipt = receipts::mark(&state.db, &state.push, caller, room, mark).await?;
    let seq = match mark {
        Mark::Read(_) => receipt.read_seq,
        Mark::Delivered(_) => receipt.delivered_seq,
    };
    Ok(Frame::Ack(Ack { id, room_id: Some(receipt.room_id), seq: Some(seq), ..Ack::default() }))
}

/// Tells the others that the person writes.
pub(super) async fn typing(
    state: &State,
    caller: &Caller,
    socket: &Socket,
    (room, active): (&RoomRef, bool),
    id: Option<Box<RawValue>>,
) -> Result<Frame> {
    let from = (&state.pace, &socket.connection.id);
    let room_id = typing::tell(&state.db, &state.push, caller, from, (room, active)).await?;
    Ok(Frame::Ack(Ack { id, room_id: Some(room_id), ..Ack::default() }))
}
