//! Replays: what sending again under the same key gives. The first message, if that says the same; another one is refused.

use super::{Checked, Sent, Stored, What};
use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::allowance::spend;
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::protocol::messages::Message;
use crate::store::members::{self, Readable};
use crate::store::{Tx, edits, membership, messages as store, reactions};

/// A replay younger than this is pushed once more: the first attempt may have died before its push.
const REPUSH_MS: i64 = 60_000;

/// The message that an earlier attempt with the same `client_id` stored, if it says the same.
pub(super) async fn replayed(
    tx: &mut Tx<'_>,
    limits: &Limits,
    caller: &Caller,
    (room, seq): (&Readable, u64),
    new: &Checked<'_>,
) -> Result<Stored> {
    // Its sender may have hidden it meanwhile.
    let mut found: Vec<_> = store::stored(tx, room, seq).await?.into_iter().collect();
    reactions::fill(tx, room, &mut found).await?;
    let message = found.pop().ok_or(Error::NotFound("message_not_found"))?;
    // Of what was unsent nothing is left; its key alone identifies it.
    if message.deleted_at.is_none() && !says_same(tx, caller, (room, &message), new).await? {
        return Err(Error::Conflict("client_id_reused"));
    }
    let telling = room.member().filter(|_| caller.now.since(message.created_at) < REPUSH_MS);
    if let Some(member) = telling {
        // Everyone is told once more, as of a change. Without a limit one message would be a flood.
        let left = spend(member.change_allowance, limits.change, caller.now)?;
        membership::spend_change(tx, member, left, caller.now).await?;
    }
    let tells = telling.is_some();
    Ok(Stored { sent: Sent { message, replayed: true, rate: None }, before: None, tells })
}

/// Whether a message is what this one says, as it was first sent.
async fn says_same(tx: &mut Tx<'_>, caller: &Caller, (room, message): (&Readable, &Message), new: &Checked<'_>) -> Result<bool> {
    let says_same = match new.what {
        What::Text(content, uploads) => {
            let earlier = if message.edited_at.is_some() { edits::list(tx, room, message.seq, 0, 1).await?.pop() } else { None };
            let sent = earlier.as_ref().map_or(&message.content, |first| &first.content);
            let same = message.attachments.iter().map(|attachment| attachment.upload_id).eq(uploads.iter().copied());
            message.forwarded.is_none() && sent == content && same
        }
        What::Forward(source) => {
            let from = rooms::readable(members::standing(tx, &source.room_id, caller.user).await?).ok();
            match (store::origin(tx, (message.room_id, message.seq)).await?, from) {
                (Some(stored), Some(from)) => stored == (from.room(), source.seq),
                // It may be closed to them by now.
                (stored, _) => stored.is_some(),
            }
        }
    };
    Ok(says_same && message.reply_to.as_ref().map(|reply| reply.seq) == new.reply_to)
}
