//! Attachments of messages: up to ten of the sender's own uploads that are ready and unused.

use crate::caller::Caller;
use crate::config::Quota;
use crate::domain::uploads::storage_quota;
use crate::error::{Error, Result};
use crate::id::{MessageRef, UploadId};
use crate::protocol::messages::{Attachment, AttachmentKind, MessageKind};
use crate::protocol::uploads::{MAX_ATTACHMENTS, Purpose, UploadState};
use crate::store::{Tx, attachments as store, storage_usage as usages, uploads};

/// Rejects duplicates and too many uploads.
pub(crate) fn validate(ids: &[UploadId]) -> Result<&[UploadId]> {
    if ids.len() > MAX_ATTACHMENTS {
        return Err(Error::invalid("attachments", "too_many", format!("must be at most {MAX_ATTACHMENTS}")));
    }
    match ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id)) {
        Some((at, _)) => Err(Error::invalid(format!("attachments[{at}]"), "duplicate", "must not be named twice")),
        None => Ok(ids),
    }
}

/// Attaches the caller's uploads to the message about to be stored at `message`. Storage was reserved when they were announced; a caller who is
/// over quota by now is refused. Costs three statements, two without a quota, none without uploads.
pub(crate) async fn attach(
    tx: &mut Tx<'_>,
    caller: &Caller,
    quota: Quota,
    message: MessageRef,
    ids: &[UploadId],
) -> Result<Vec<Attachment>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    storage_quota::require_within_quota(tx, caller, quota).await?;
    let locked = uploads::lock_all(tx, ids).await?;
    let mut attachments = Vec::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        // Another user's upload is answered like a missing one.
        let upload = locked.iter().find(|upload| upload.info.upload_id == *id && upload.owner == caller.user);
        let upload = upload.ok_or(Error::NotFound("upload_not_found"))?;
        require_usable(upload)?;
        if upload.info.purpose == Purpose::Avatar {
            return Err(Error::invalid(format!("attachments[{at}]"), "wrong_purpose", "must have the purpose image or file"));
        }
        attachments.push(upload.info.clone().attachment());
    }
    store::attach(tx, message, ids).await?;
    Ok(attachments)
}

/// A message whose attachments are copied to another.
#[derive(Clone, Copy)]
pub(crate) struct AttachmentCopy {
    pub(crate) from: MessageRef,
    pub(crate) to: MessageRef,
}

/// Copies the attachments of one message to another, in the same order. Copies share the stored object and outlive the source message. An object
/// counts once per owner.
pub(crate) async fn forward(
    tx: &mut Tx<'_>,
    caller: &Caller,
    quota: Quota,
    copy: AttachmentCopy,
    attachments: &[Attachment],
) -> Result<Vec<Attachment>> {
    if attachments.is_empty() {
        return Ok(Vec::new());
    }
    let before = storage_quota::lock_usage(tx, caller).await?;
    let copies = store::copy(tx, copy.from, copy.to, caller.user, caller.now).await?;
    let (bytes, files) = copies.iter().fold((0, 0), |(bytes, files), made| (bytes + made.copy.info.size, files + 1));
    if let Err(full) = storage_quota::require_space(before, quota, bytes, files) {
        // Objects that the caller held before do not count again.
        let after = usages::usage(tx, caller.user).await?;
        let more = (after.bytes.saturating_sub(before.bytes), after.files.saturating_sub(before.files));
        storage_quota::require_space(before, quota, more.0, more.1).map_err(|_| full)?;
    }
    let shown = attachments.iter().map(|attachment| {
        let copy = copies.iter().find(|made| made.source == attachment.upload_id);
        // No copy means that the source message was unsent since it was read.
        copy.map(|made| made.copy.info.clone().attachment()).ok_or(Error::Conflict("message_unsent"))
    });
    shown.collect()
}

/// Requires an upload that is ready and not in use.
pub(crate) fn require_usable(upload: &uploads::UploadRecord) -> Result<()> {
    match upload.info.state {
        UploadState::Pending => Err(Error::Conflict("upload_not_ready")),
        UploadState::Rejected => Err(Error::Conflict("upload_rejected")),
        UploadState::Ready if upload.due_at.is_none() => Err(Error::Conflict("upload_in_use")),
        UploadState::Ready => Ok(()),
    }
}

/// Returns the kind of a message with these attachments.
pub(crate) fn message_kind(attachments: &[Attachment]) -> MessageKind {
    if attachments.iter().any(|attachment| attachment.kind == AttachmentKind::Image) {
        MessageKind::Image
    } else if attachments.is_empty() {
        MessageKind::Text
    } else {
        MessageKind::File
    }
}
