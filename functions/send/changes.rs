//! What becomes of a message that exists: `edit`, `unsend`, `react`, `unreact`. Each is one function of the domain and one `ack`.

use shared::caller::Caller;
use shared::domain::edits::{self, Editing};
use shared::domain::reactions::{self, Reacting};
use shared::domain::unsending;
use shared::error::Result;
use shared::id::RoomRef;
use shared::protocol::actions::Change;
use shared::protocol::frames::Ack;

use super::State;

/// Does it; the answer lacks only the name of the frame that it answers.
pub(super) async fn done(state: &State, caller: &Caller, (room, seq): (&RoomRef, u64), change: Change) -> Result<Ack> {
    let State { db, push, limits, .. } = state;
    let (room_id, rev, message_id) = match change {
        Change::Edit(new) => {
            let message = edits::edit(db, push, limits, caller, Editing { room, seq, new: &new }).await?;
            (message.room_id, message.rev, Some(message.id))
        }
        Change::Unsend => {
            let message = unsending::unsend(db, push, caller, room, seq).await?;
            (message.room_id, message.rev, Some(message.id))
        }
        Change::React(new) => {
            let reaction = reactions::react(db, push, limits, caller, Reacting { room, seq, emoji: &new.emoji }).await?;
            (reaction.room_id, reaction.rev, None)
        }
        Change::Unreact(new) => {
            let reaction = reactions::unreact(db, push, limits, caller, Reacting { room, seq, emoji: &new.emoji }).await?;
            (reaction.room_id, reaction.rev, None)
        }
    };
    Ok(Ack { room_id: Some(room_id), seq: Some(seq), rev: Some(rev), message_id, ..Ack::default() })
}
