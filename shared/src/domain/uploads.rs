//! The rules of uploads: announced, sent to the object store by the client itself, looked at, then shown. Only what was looked at is ever served.

use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::domain::idempotency;
use crate::domain::looking::{self, Reason};
use crate::domain::news::tell_people;
use crate::domain::throttle::Throttle;
use crate::domain::{rooms, storage};
use crate::error::{Error, Result, Violation};
use crate::id::{RoomRef, UploadId};
use crate::media::{Media, Object, Part, Signed, names, sniff};
use crate::protocol::frames::Frame;
use crate::protocol::uploads::{NewUpload, Purpose, Upload, UploadState, UploadTicket};
use crate::push::Push;
use crate::store::{Db, Handle, members, transaction, uploads as store};

/// How long an upload may wait to be used.
const UNUSED_SECONDS: i64 = 24 * 3600;
/// How many of a person's uploads may wait at once.
const MOST_UNUSED: u64 = 100;
/// So long a request waits for somebody else's look, and so many seconds later it may ask again.
const PATIENCE: Duration = Duration::from_secs(8);
const BUSY_SECONDS: u32 = 2;
/// Between two times that it asks how far that look is: at first, and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// Announces an upload, and takes room for it. The answer is where to send the bytes; nobody else can.
pub async fn create(db: &Db, throttle: &Throttle, media: &Media, caller: &Caller, new: &NewUpload) -> Result<UploadTicket> {
    let new = checked(new, media)?;
    throttle.upload(caller).await?;
    let id = transaction!(db, |tx| {
        let usage = storage::hold(tx, caller).await?;
        if usage.unused >= MOST_UNUSED {
            return Err(Error::Conflict("too_many_uploads"));
        }
        storage::fits(usage, throttle.quota(), new.size, 1)?;
        store::insert(tx, caller.user, &new, caller.now, caller.now.plus_seconds(UNUSED_SECONDS)).await
    })?;
    let (url, expires_at) = media.to_send(id, &new.content_type, new.size, caller.now)?;
    let headers = [("content-type", new.content_type)].into();
    Ok(UploadTicket { upload_id: id, method: "PUT", url, headers, expires_at })
}

/// Announces an upload, or gives the one that was announced by this request before, with a URL of now. Of two at once one is told of, and the
/// other is swept like any that nobody uses.
pub async fn create_once(
    db: &Db,
    throttle: &Throttle,
    media: &Media,
    caller: &Caller,
    (new, key): (&NewUpload, &idempotency::Key),
) -> Result<(UploadTicket, bool)> {
    let before = idempotency::made_before(db, caller, key).await?;
    let id = if let Some(id) = before {
        id
    } else {
        let made = create(db, throttle, media, caller, new).await?;
        let UploadId(own) = made.upload_id;
        match idempotency::keep_made(db, caller, key, own).await? {
            id if id == own => return Ok((made, false)),
            id => id,
        }
    };
    let upload = own(db, caller, UploadId(id)).await?;
    let new = checked(new, media)?;
    let (url, expires_at) = media.to_send(upload.seen.upload_id, &new.content_type, new.size, caller.now)?;
    let headers = [("content-type", new.content_type)].into();
    Ok((UploadTicket { upload_id: upload.seen.upload_id, method: "PUT", url, headers, expires_at }, true))
}

/// What completing an upload takes, besides the store.
#[derive(Clone, Copy, Debug)]
pub struct Completing<'a> {
    /// Counts it.
    pub throttle: &'a Throttle,
    /// The bytes.
    pub media: &'a Media,
    /// The way to the owner's devices.
    pub push: &'a Push,
}

/// Looks at what arrived. What was announced becomes ready; anything else is rejected and gone. Asking again gives the same answer, and asking while
/// somebody looks waits for theirs.
pub async fn complete(db: &Db, with: Completing<'_>, caller: &Caller, id: UploadId) -> Result<Upload> {
    let Completing { throttle, media, push } = with;
    throttle.look(caller).await?;
    let begun = Instant::now();
    let upload = own(db, caller, id).await?;
    if upload.seen.state != UploadState::Pending {
        return answer(upload.seen);
    }
    let arrived = media.arrived(id, caller.now).await?;
    let mut pause = PAUSE;
    loop {
        let looked = match &arrived {
            Some(arrived) => looking::look((db, media, throttle.quota()), caller, &upload, (arrived, begun)).await,
            None => Err(Error::Conflict("upload_missing")),
        };
        let present = own(db, caller, id).await?.seen;
        match looked {
            Ok(true) => {
                tell((db, push), media, caller, &present).await?;
                return answer(present);
            }
            // Another look was quicker, and took away what was sent.
            Ok(false) | Err(Error::Conflict(_)) if present.state != UploadState::Pending => return answer(present),
            Ok(false) if begun.elapsed() >= PATIENCE => return Err(Error::Busy("upload_busy", BUSY_SECONDS)),
            Ok(false) => tokio::time::sleep(pause).await,
            Err(error) => return Err(error),
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Takes away what was sent, and tells the owner's devices what came of it.
async fn tell((db, push): (&Db, &Push), media: &Media, caller: &Caller, upload: &Upload) -> Result<()> {
    // Should this fail, a rule of the bucket takes it within a day.
    if let Err(error) = media.forget_sent(upload.upload_id, caller.now).await {
        tracing::warn!(error = error.source().map(ToString::to_string), "an upload's first bytes stay for now");
    }
    if upload.state == UploadState::Ready {
        tell_people(db, push, &[caller.user], &Frame::UploadReady { upload: Box::new(upload.clone()) }, caller.now).await?;
    }
    Ok(())
}

/// Gives up an upload that nothing shows: what it took is free again, and the sweep removes the bytes.
pub async fn discard(db: &Db, throttle: &Throttle, caller: &Caller, id: UploadId) -> Result<()> {
    throttle.look(caller).await?;
    if store::discard(&mut *db.acquire().await?, id, caller.user, caller.now).await? {
        return Ok(());
    }
    own(db, caller, id).await?;
    Err(Error::Conflict("upload_in_use"))
}

/// An upload, for its owner until it is attached, and then for those who may read its message.
pub async fn find(db: &Db, caller: &Caller, id: UploadId) -> Result<Upload> {
    Ok(visible(&mut *db.acquire().await?, caller, id).await?.seen)
}

/// Where to fetch a part of an upload, for the same people.
pub async fn link(db: &Db, media: &Media, caller: &Caller, id: UploadId, part: Part) -> Result<Signed> {
    let upload = visible(&mut *db.acquire().await?, caller, id).await?;
    let (id, purpose) = upload.object.zip(Some(upload.seen.purpose)).ok_or(Error::Conflict("upload_not_ready"))?;
    if purpose == Purpose::File && part == Part::Small {
        return Err(Error::NotFound("upload_not_found"));
    }
    media.to_fetch(Object { id, purpose }, part, caller.now)
}

async fn visible(connection: &mut Handle, caller: &Caller, id: UploadId) -> Result<store::Upload> {
    let absent = || Error::NotFound("upload_not_found");
    let upload = store::find(connection, id).await?.ok_or_else(absent)?;
    let Some((room, seq)) = upload.place else {
        return if upload.owner == caller.user { Ok(upload) } else { Err(absent()) };
    };
    let standing = members::standing(connection, &RoomRef::Id(room), caller.user).await?;
    let room = rooms::readable(standing).map_err(|_| absent())?;
    if (room.visible_from_seq..=room.visible_to_seq).contains(&seq) { Ok(upload) } else { Err(absent()) }
}

async fn own(db: &Db, caller: &Caller, id: UploadId) -> Result<store::Upload> {
    let upload = store::find(&mut *db.acquire().await?, id).await?;
    upload.filter(|upload| upload.owner == caller.user).ok_or(Error::NotFound("upload_not_found"))
}

fn answer(upload: Upload) -> Result<Upload> {
    match upload.reason.as_deref().and_then(Reason::of) {
        Some(reason) => Err(reason.into()),
        None => Ok(upload),
    }
}

fn checked(new: &NewUpload, media: &Media) -> Result<NewUpload> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: String| wrong.push(Violation { field: field.to_owned(), code, detail });
    let letters = new.file_name.chars().count();
    if letters == 0 || letters > 255 {
        refuse("file_name", "invalid", "must have 1 to 255 characters".into());
    }
    let content_type = plain_type(&new.content_type);
    match &content_type {
        None => refuse("content_type", "invalid", "must be a media type such as image/jpeg".into()),
        Some(declared) if new.purpose != Purpose::File && !sniff::PICTURES.contains(&declared.as_str()) => {
            refuse("content_type", "unsupported", format!("must be one of {}", sniff::PICTURES.join(", ")));
        }
        Some(_) => {}
    }
    let most = media.most(new.purpose);
    if new.size == 0 {
        refuse("size", "required", "must be at least 1".into());
    } else if new.size > most {
        refuse("size", "too_large", format!("must be at most {most} bytes"));
    }
    match content_type {
        Some(content_type) if wrong.is_empty() => {
            Ok(NewUpload { content_type, file_name: names::shown(&new.file_name), ..new.clone() })
        }
        _ => Err(Error::Invalid(wrong)),
    }
}

/// A media type without its parameters, in lower case, if it is one.
fn plain_type(text: &str) -> Option<String> {
    let plain = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let (kind, sub) = plain.split_once('/')?;
    (plain.len() <= 127 && token(kind) && token(sub)).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::plain_type;

    #[test]
    fn a_type_is_two_tokens() {
        assert_eq!(plain_type("Text/Plain; charset=utf-8").as_deref(), Some("text/plain"));
        for text in ["", "image", "image/", "/png", "image/png/x", "image/p ng", "image/\r\npng", "bild/größe"] {
            assert_eq!(plain_type(text), None, "{text:?}");
        }
        assert_eq!(plain_type(&format!("x/{}", "y".repeat(126))), None);
    }
}
