//! What a socket says while its person reads: how far, that they write, what they missed.

use serde_json::value::RawValue;
use shared::caller::Caller;
use shared::domain::receipts::{self, Mark};
use shared::domain::{sync, typing, welcome};
use shared::edge::socket::Socket;
use shared::error::Result;
use shared::id::{RoomId, RoomRef};
use shared::protocol::frames::{Ack, Frame};

use super::State;

/// `welcome`, and what changed in the rooms that the client knows already.
pub(super) async fn hello(
    state: &State,
    caller: &Caller,
    socket: &Socket,
    rooms: &[(RoomId, u64)],
    id: Option<Box<RawValue>>,
) -> Result<Vec<Frame>> {
    let mut frames = vec![welcome::welcome(&state.db, &state.push, caller, &socket.connection, id).await?];
    frames.extend(sync::catch_up(&state.db, caller, rooms).await?);
    Ok(frames)
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
