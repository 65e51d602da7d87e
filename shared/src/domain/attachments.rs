//! What hangs on a message: one's own uploads that are ready and used nowhere else, ten at most.

use crate::caller::Caller;
use crate::config::Quota;
use crate::domain::storage;
use crate::error::{Error, Result};
use crate::id::{RoomId, UploadId};
use crate::protocol::messages::{Attachment, AttachmentKind, MessageKind};
use crate::protocol::uploads::{MAX_ATTACHMENTS, Purpose, UploadState};
use crate::store::{Tx, attachments as store, storage as usages, uploads};

/// Uploads that a message may name: each once, and not too many.
pub(super) fn checked(ids: &[UploadId]) -> Result<&[UploadId]> {
    if ids.len() > MAX_ATTACHMENTS {
        return Err(Error::invalid("attachments", "too_many", format!("must be at most {MAX_ATTACHMENTS}")));
    }
    match ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id)) {
        Some((at, _)) => Err(Error::invalid(format!("attachments[{at}]"), "duplicate", "must not be named twice")),
        None => Ok(ids),
    }
}

/// Hangs one's own uploads on the message that is about to be stored at this place. Room was taken for them when they were announced; whoever keeps
/// more than they may by now hangs nothing up. Three statements, two where there is no limit; none without uploads.
pub(super) async fn attach(
    tx: &mut Tx<'_>,
    (caller, quota): (&Caller, Quota),
    place: (RoomId, u64),
    ids: &[UploadId],
) -> Result<Vec<Attachment>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    storage::within(tx, caller, quota).await?;
    let held = uploads::lock_all(tx, ids).await?;
    let mut attachments = Vec::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        // What belongs to somebody else is as absent as what never was.
        let upload = held.iter().find(|upload| upload.seen.upload_id == *id && upload.owner == caller.user);
        let upload = upload.ok_or(Error::NotFound("upload_not_found"))?;
        usable(upload)?;
        if upload.seen.purpose == Purpose::Avatar {
            return Err(Error::invalid(format!("attachments[{at}]"), "wrong_purpose", "must have the purpose image or file"));
        }
        attachments.push(upload.seen.clone().attachment());
    }
    store::attach(tx, place, ids).await?;
    Ok(attachments)
}

/// Hangs copies of what hangs on a message on another one, in the same order. They show the same bytes, and outlive the first message: they count as
/// their owner's, what is so already just once.
pub(super) async fn pass_on(
    tx: &mut Tx<'_>,
    (caller, quota): (&Caller, Quota),
    from: (RoomId, u64),
    to: (RoomId, u64),
    attachments: &[Attachment],
) -> Result<Vec<Attachment>> {
    if attachments.is_empty() {
        return Ok(Vec::new());
    }
    let before = storage::hold(tx, caller).await?;
    let copies = store::copy(tx, from, to, caller.user, caller.now).await?;
    let (bytes, files) = copies.iter().fold((0, 0), |(bytes, files), (_, copy)| (bytes + copy.seen.size, files + 1));
    if let Err(full) = storage::fits(before, quota, bytes, files) {
        // Unless some of it was theirs before.
        let after = usages::usage(tx, caller.user).await?;
        let more = (after.bytes.saturating_sub(before.bytes), after.files.saturating_sub(before.files));
        storage::fits(before, quota, more.0, more.1).map_err(|_| full)?;
    }
    let shown = attachments.iter().map(|attachment| {
        let copy = copies.iter().find(|(source, _)| *source == attachment.upload_id);
        // Nothing there means that somebody unsent the message since it was read.
        copy.map(|(_, copy)| copy.seen.clone().attachment()).ok_or(Error::Conflict("message_unsent"))
    });
    shown.collect()
}

/// Whether an upload can still be put somewhere: it is ready, and nothing shows it.
pub(super) fn usable(upload: &uploads::Upload) -> Result<()> {
    match upload.seen.state {
        UploadState::Pending => Err(Error::Conflict("upload_not_ready")),
        UploadState::Rejected => Err(Error::Conflict("upload_rejected")),
        UploadState::Ready if upload.due_at.is_none() => Err(Error::Conflict("upload_in_use")),
        UploadState::Ready => Ok(()),
    }
}

/// What a message with these attachments is.
pub(super) fn kind(attachments: &[Attachment]) -> MessageKind {
    if attachments.iter().any(|attachment| attachment.kind == AttachmentKind::Image) {
        MessageKind::Image
    } else if attachments.is_empty() {
        MessageKind::Text
    } else {
        MessageKind::File
    }
}
