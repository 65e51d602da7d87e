//! Uploads: announced, sent to the object store by the client, verified, then served. Only verified objects are served.

pub(crate) mod attachments;
pub mod avatars;
pub mod storage_quota;
pub(crate) mod verify;

use std::time::{Duration, Instant};

use self::verify::{REFUSED_TYPE, RejectionReason, Verifier};
use crate::caller::Caller;
use crate::domain::idempotency;
use crate::domain::limits::throttle::Throttle;
use crate::domain::rooms;
use crate::domain::rooms::changes::push_to_users;
use crate::error::{Error, Result, Violation};
use crate::id::{MessageRef, RoomRef, UploadId};
use crate::media::{self, Media, Object, PresignedUrl, Rendition, media_types, names};
use crate::protocol::frames::Frame;
use crate::protocol::uploads::{NewUpload, Purpose, Upload, UploadState, UploadTicket};
use crate::push::Push;
use crate::store::{Db, Handle, members, transaction, uploads as store};
use crate::text::visible::is_invisible;

/// Lifetime of an unused upload.
const UNUSED_SECONDS: i64 = 24 * 3600;
/// Maximum number of a user's unused uploads.
const MAX_UNUSED: u64 = 100;
/// Longest declared type, with parameters.
const MAX_DECLARED: usize = 1024;
/// How long a request waits for another's verification, and after how many seconds it may retry.
const MAX_WAIT: Duration = Duration::from_secs(8);
const RETRY_AFTER_SECONDS: u32 = 2;
/// First and maximum interval of polling for that.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(800);

/// Announces an upload and reserves storage. Returns a signed URL for the bytes.
pub async fn create(db: &Db, throttle: &Throttle, media: &Media, caller: &Caller, new: &NewUpload) -> Result<UploadTicket> {
    let new = validate(new, media)?;
    throttle.upload(caller).await?;
    let id = transaction!(db, |tx| {
        let usage = storage_quota::lock_usage(tx, caller).await?;
        if usage.unused >= MAX_UNUSED {
            return Err(Error::Conflict("too_many_uploads"));
        }
        storage_quota::require_space(usage, throttle.quota(), new.size, 1)?;
        if let Some(poster) = new.poster_upload_id {
            let poster = store::find(tx, poster).await?.ok_or(Error::NotFound("upload_not_found"))?;
            verify::require_poster(&poster, caller)?;
        }
        store::insert(tx, caller.user, &new, caller.now, caller.now.plus_seconds(UNUSED_SECONDS)).await
    })?;
    let (url, expires_at) = media.upload_url(id, &new.content_type, new.size, caller.now).await?;
    let headers = [("content-type", new.content_type)].into();
    Ok(UploadTicket { upload_id: id, method: "PUT", url, headers, expires_at })
}

/// An upload to announce, with an idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct KeyedUpload<'a> {
    pub new: &'a NewUpload,
    pub key: &'a idempotency::KeyDigest,
}

/// The same with an idempotency key; a repetition returns a new URL of the same upload. Of two concurrent requests one wins, and the other's
/// upload is swept as unused. Returns whether it existed.
pub async fn create_once(
    db: &Db,
    throttle: &Throttle,
    media: &Media,
    caller: &Caller,
    request: KeyedUpload<'_>,
) -> Result<(UploadTicket, bool)> {
    let KeyedUpload { new, key } = request;
    let before = idempotency::find_created(db, caller, key).await?;
    let id = if let Some(id) = before {
        id
    } else {
        let made = create(db, throttle, media, caller, new).await?;
        let UploadId(own) = made.upload_id;
        match idempotency::record_existing(db, caller, key, own).await? {
            id if id == own => return Ok((made, false)),
            id => id,
        }
    };
    let upload = find_own(db, caller, UploadId(id)).await?;
    let new = validate(new, media)?;
    let (url, expires_at) = media.upload_url(upload.info.upload_id, &new.content_type, new.size, caller.now).await?;
    let headers = [("content-type", new.content_type)].into();
    Ok((UploadTicket { upload_id: upload.info.upload_id, method: "PUT", url, headers, expires_at }, true))
}

/// Dependencies of completing an upload, besides the store.
#[derive(Clone, Copy, Debug)]
pub struct UploadCompletion<'a> {
    pub throttle: &'a Throttle,
    pub media: &'a Media,
    pub push: &'a Push,
}

/// Verifies the uploaded bytes. The upload becomes ready or rejected. Repeating it returns the same answer; a concurrent request waits for the
/// running verification.
pub async fn complete(db: &Db, with: UploadCompletion<'_>, caller: &Caller, id: UploadId) -> Result<Upload> {
    let UploadCompletion { throttle, media, push } = with;
    throttle.finish_upload(caller).await?;
    let begun = Instant::now();
    let upload = find_own(db, caller, id).await?;
    if upload.info.state != UploadState::Pending {
        return result_of(upload.info);
    }
    let arrived = media.find_uploaded(id).await?;
    let mut pause = POLL_INTERVAL;
    loop {
        let verified = match &arrived {
            Some(arrived) => {
                let verifier = Verifier { db, media, quota: throttle.quota(), started_at: begun };
                verifier.verify(caller, &upload, arrived).await
            }
            None => Err(Error::Conflict("upload_missing")),
        };
        let present = find_own(db, caller, id).await?.info;
        match verified {
            Ok(true) => {
                finish(db, push, media, caller, &present).await?;
                return result_of(present);
            }
            // Another verification was faster and removed the sent bytes.
            Ok(false) | Err(Error::Conflict(_)) if present.state != UploadState::Pending => return result_of(present),
            Ok(false) if begun.elapsed() >= MAX_WAIT => return Err(Error::Busy("upload_busy", RETRY_AFTER_SECONDS)),
            Ok(false) => tokio::time::sleep(pause).await,
            Err(error) => return Err(error),
        }
        pause = MAX_POLL_INTERVAL.min(pause * 2);
    }
}

/// Removes the sent bytes and pushes a ready upload to the owner's devices.
async fn finish(db: &Db, push: &Push, media: &Media, caller: &Caller, upload: &Upload) -> Result<()> {
    // If this fails, a lifecycle rule of the bucket removes them within a day.
    if let Err(error) = media.delete_pending(upload.upload_id).await {
        tracing::warn!(error = error.causes(), "the sent bytes of an upload were not deleted");
    }
    if upload.state == UploadState::Ready {
        push_to_users(db, push, &[caller.user], &Frame::UploadReady { upload: Box::new(upload.clone()) }, caller.now).await?;
    }
    Ok(())
}

/// Discards an unused upload: frees its storage, and the sweep removes the objects. If its bytes were not verified, both happen once its URL has
/// expired.
pub async fn discard(db: &Db, throttle: &Throttle, caller: &Caller, id: UploadId) -> Result<()> {
    throttle.finish_upload(caller).await?;
    if store::discard(&mut *db.acquire().await?, caller, id, media::upload_expiry(caller.now)).await? {
        return Ok(());
    }
    find_own(db, caller, id).await?;
    Err(Error::Conflict("upload_in_use"))
}

/// Returns an upload: to its owner until it is attached, then to the readers of its message.
pub async fn find(db: &Db, caller: &Caller, id: UploadId) -> Result<Upload> {
    Ok(find_visible(&mut *db.acquire().await?, caller, id).await?.info)
}

/// Returns a signed URL of a part of an upload, for the same users.
pub async fn link(db: &Db, media: &Media, caller: &Caller, id: UploadId, part: Rendition) -> Result<PresignedUrl> {
    let upload = find_visible(&mut *db.acquire().await?, caller, id).await?;
    let (id, purpose) = upload.object.zip(Some(upload.info.purpose)).ok_or(Error::Conflict("upload_not_ready"))?;
    if part == Rendition::Thumbnail && upload.info.thumbnail_url.is_none() {
        return Err(Error::NotFound("upload_not_found"));
    }
    media.download_url(Object { id, purpose }, part, caller.now).await
}

async fn find_visible(connection: &mut Handle, caller: &Caller, id: UploadId) -> Result<store::UploadRecord> {
    let absent = || Error::NotFound("upload_not_found");
    let upload = store::find(connection, id).await?.ok_or_else(absent)?;
    let Some(MessageRef { room, seq }) = upload.message else {
        return if upload.owner == caller.user { Ok(upload) } else { Err(absent()) };
    };
    let access = members::find_access(connection, &RoomRef::Id(room), caller.user).await?;
    let room = rooms::require_readable(access).map_err(|_| absent())?;
    if (room.visible_from_seq..=room.visible_to_seq).contains(&seq) { Ok(upload) } else { Err(absent()) }
}

async fn find_own(db: &Db, caller: &Caller, id: UploadId) -> Result<store::UploadRecord> {
    let upload = store::find(&mut *db.acquire().await?, id).await?;
    upload.filter(|upload| upload.owner == caller.user).ok_or(Error::NotFound("upload_not_found"))
}

fn result_of(upload: Upload) -> Result<Upload> {
    match upload.reason.as_deref().and_then(RejectionReason::of) {
        Some(reason) => Err(reason.into()),
        None => Ok(upload),
    }
}

fn validate(new: &NewUpload, media: &Media) -> Result<NewUpload> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: String| wrong.push(Violation { field: field.to_owned(), code, detail });
    let file_name = names::sanitized(&new.file_name);
    let letters = new.file_name.chars().count();
    // Some letters are longer when they are composed.
    if letters == 0 || letters.max(file_name.chars().count()) > 255 {
        refuse("file_name", "invalid", "must have 1 to 255 characters".into());
    } else if is_invisible(&new.file_name) {
        refuse("file_name", "required", "must have at least one visible character".into());
    }
    let is_file = new.purpose == Purpose::File;
    let content_type = declared_type(&new.content_type);
    match &content_type {
        None => refuse("content_type", "invalid", "must be a media type such as image/jpeg".into()),
        Some(declared) if !is_file && !may_be_picture(declared) => {
            refuse("content_type", "unsupported", "must be that of a JPEG, PNG, WebP or GIF image".into());
        }
        Some(declared) if is_file && media.refused().includes_declared(declared, &file_name) => {
            refuse("content_type", RejectionReason::Refused.code(), REFUSED_TYPE.into());
        }
        Some(_) => {}
    }
    if new.poster_upload_id.is_some() && !is_file {
        refuse("poster_upload_id", "unsupported", "must be absent unless the purpose is file".into());
    }
    let most = media.max_size(new.purpose);
    if new.size == 0 {
        refuse("size", "required", "must be at least 1".into());
    } else if new.size > most {
        refuse("size", "too_large", format!("must be at most {most} bytes"));
    }
    match content_type {
        Some(content_type) if wrong.is_empty() => Ok(NewUpload { file_name, content_type, ..new.clone() }),
        _ => Err(Error::Invalid(wrong)),
    }
}

/// Returns the declared type. Clients declare what their system calls it, or nothing: what is no media type says nothing. Only what cannot be sent as
/// a header is refused.
fn declared_type(text: &str) -> Option<String> {
    let is_header = text.len() <= MAX_DECLARED && !text.chars().any(|letter| letter.is_control() && letter != '\t');
    is_header.then(|| normalized_type(text).unwrap_or_else(|| media_types::BYTES.to_owned()))
}

/// Whether the bytes may be a picture, whose format they alone decide: systems declare by the name, and not all know a type.
fn may_be_picture(declared: &str) -> bool {
    let declared = media_types::canonical(declared);
    declared == media_types::BYTES || declared.starts_with("image/") && declared != "image/svg+xml"
}

/// Returns a media type in lower case without its parameters.
fn normalized_type(text: &str) -> Option<String> {
    let plain = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let (kind, sub) = plain.split_once('/')?;
    (plain.len() <= 127 && token(kind) && token(sub)).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::{declared_type, may_be_picture, normalized_type};

    #[test]
    fn whatever_a_system_calls_a_picture_may_be_one() {
        for declared in
            ["image/jpeg", "image/jpg", "image/pjpeg", "image/x-png", "image/apng", "image/heic", "application/octet-stream"]
        {
            assert!(may_be_picture(declared), "{declared}");
        }
        for declared in ["image/svg+xml", "image/svg", "text/html", "video/mp4", "application/pdf", "imagex/png"] {
            assert!(!may_be_picture(declared), "{declared}");
        }
    }

    #[test]
    fn a_type_is_two_tokens() {
        assert_eq!(normalized_type("Text/Plain; charset=utf-8").as_deref(), Some("text/plain"));
        for text in ["", "image", "image/", "/png", "image/png/x", "image/p ng", "image/\r\npng", "bild/größe"] {
            assert_eq!(normalized_type(text), None, "{text:?}");
        }
        assert_eq!(normalized_type(&format!("x/{}", "y".repeat(126))), None);
    }

    #[test]
    fn a_file_may_be_declared_as_anything_that_a_header_can_hold() {
        for (text, declared) in [
            ("", "application/octet-stream"),
            ("   ", "application/octet-stream"),
            ("image", "application/octet-stream"),
            ("*/*", "application/octet-stream"),
            ("text/plain text/html", "application/octet-stream"),
            ("bild/größe", "application/octet-stream"),
            ("binary/octet-stream", "binary/octet-stream"),
            ("Application/X-Anything", "application/x-anything"),
            ("text/plain;\tcharset=utf-8", "text/plain"),
            ("video/mp4; codecs=\"avc1.42E01E, mp4a.40.2\"", "video/mp4"),
        ] {
            assert_eq!(declared_type(text).as_deref(), Some(declared), "{text:?}");
        }
        let long = format!("x/{}", "y".repeat(65_536));
        for text in ["text/plain\r\nx-evil: 1", "text/plain\n", "\0", "text/\u{7f}plain", "text/plain; a=\u{85}", &long] {
            assert_eq!(declared_type(text), None, "{text:?}");
        }
    }
}
