//! Replays: sending again with the same `client_id` returns the first message if the contents are the same, else a conflict.

use super::send::{NewContents, ValidMessage};
use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::limits::token_bucket::take_token;
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{MessageRef, Seq};
use crate::protocol::messages::Message;
use crate::store::members::{self, Readable};
use crate::store::{Tx, edits, membership_changes, messages as store, reactions};

/// A replay younger than this is pushed again, because the first attempt may have died before its push.
const REPUSH_MS: i64 = 60_000;

/// A message that the sender's `client_id` already names.
#[derive(Clone, Copy)]
pub(super) struct Replay<'a> {
    pub(super) room: &'a Readable,
    pub(super) seq: Seq,
}

/// The message that an earlier attempt stored, and whether to push it again.
pub(super) struct FoundReplay {
    pub(super) message: Message,
    pub(super) pushes: bool,
}

/// Returns the message that an earlier attempt stored, if the contents are the same.
pub(super) async fn find_replay(
    tx: &mut Tx<'_>,
    limits: &Limits,
    caller: &Caller,
    replay: Replay<'_>,
    new: &ValidMessage<'_>,
) -> Result<FoundReplay> {
    let Replay { room, seq } = replay;
    // The sender may have hidden it in between.
    let mut found: Vec<_> = store::find(tx, room, seq).await?.into_iter().collect();
    reactions::fill(tx, room, &mut found).await?;
    let message = found.pop().ok_or(Error::NotFound("message_not_found"))?;
    // An unsent message has no contents to compare.
    if message.deleted_at.is_none() && !is_same_message(tx, room, &message, new).await? {
        return Err(Error::Conflict("client_id_reused"));
    }
    let repushing = room.member().filter(|_| caller.now.since(message.created_at) < REPUSH_MS);
    if let Some(member) = repushing {
        // Pushing again counts as a change, which limits floods of replays.
        let left = take_token(member.change_allowance, limits.change, caller.now)?;
        membership_changes::set_change_allowance(tx, member, left, caller.now).await?;
    }
    let pushes = repushing.is_some();
    Ok(FoundReplay { message, pushes })
}

/// Returns whether the stored message, in its first version, has these contents.
async fn is_same_message(tx: &mut Tx<'_>, room: &Readable, message: &Message, new: &ValidMessage<'_>) -> Result<bool> {
    let same_contents = match new.contents {
        NewContents::Text(content, uploads) => {
            let earlier = if message.edited_at.is_some() { edits::list(tx, room, message.seq, 0, 1).await?.pop() } else { None };
            let sent = earlier.as_ref().map_or(&message.content, |first| &first.content);
            let same = message.attachments.iter().map(|attachment| attachment.upload_id).eq(uploads.iter().copied());
            message.forwarded.is_none() && sent == content && same
        }
        NewContents::Forward(source) => {
            let from = rooms::require_readable(members::find_access(tx, &source.room_id, room.user()).await?).ok();
            match (store::forwarded_from(tx, MessageRef { room: message.room_id, seq: message.seq }).await?, from) {
                (Some(stored), Some(from)) => stored == MessageRef { room: from.room(), seq: source.seq },
                // The source room may be closed to the sender by now.
                (stored, _) => stored.is_some(),
            }
        }
    };
    Ok(same_contents && message.reply_to.as_ref().map(|reply| reply.seq) == new.reply_to)
}
