//! Changes of messages: `edit`, `unsend`, `react` and `unreact`. Each calls one domain function and returns one `ack`.

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::unsend;
use shared::error::Result;
use shared::id::RoomRef;
use shared::protocol::actions::Change;
use shared::protocol::frames::Ack;

use super::State;

/// Applies the change. The caller adds the frame's id to the response.
pub(super) async fn apply(state: &State, caller: &Caller, (room, seq): (&RoomRef, u64), change: Change) -> Result<Ack> {
    let State { db, push, limits, .. } = state;
    let (room_id, rev, message_id) = match change {
        Change::Edit(new) => {
            let message = edits::edit(db, push, limits, caller, EditRequest { room, seq, new: &new }).await?;
            (message.room_id, message.rev, Some(message.id))
        }
        Change::Unsend => {
            let message = unsend::unsend(db, push, caller, room, seq).await?;
            (message.room_id, message.rev, Some(message.id))
        }
        Change::React(new) => {
            let reaction = reactions::react(db, push, limits, caller, ReactionRequest { room, seq, emoji: &new.emoji }).await?;
            (reaction.room_id, reaction.rev, None)
        }
        Change::Unreact(new) => {
            let reaction = reactions::unreact(db, push, limits, caller, ReactionRequest { room, seq, emoji: &new.emoji }).await?;
            (reaction.room_id, reaction.rev, None)
        }
    };
    Ok(Ack { room_id: Some(room_id), seq: Some(seq), rev: Some(rev), message_id, ..Ack::default() })
}
