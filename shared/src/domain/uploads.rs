//! The rules of uploads: announced, sent to the object store by the client itself, looked at, then shown. Only what was looked at is ever served.

use crate::caller::Caller;
use crate::domain::looking::{self, Reason};
use crate::domain::rooms;
use crate::domain::throttle::Throttle;
use crate::error::{Error, Result, Violation};
use crate::id::{RoomRef, UploadId};
use crate::media::{Media, Object, Part, Signed, names, sniff};
use crate::protocol::frames::Frame;
use crate::protocol::uploads::{NewUpload, Purpose, Upload, UploadState, UploadTicket};
use crate::push::Push;
use crate::store::{Db, Handle, members, uploads as store};

/// How long an upload may wait to be used.
const UNUSED_SECONDS: i64 = 24 * 3600;
/// How many of a person's uploads may wait at once.
const MOST_UNUSED: i64 = 100;

/// Announces an upload. The answer is where to send the bytes; nobody else can.
pub async fn create(db: &Db, throttle: &Throttle, media: &Media, caller: &Caller, new: &NewUpload) -> Result<UploadTicket> {
    let new = checked(new, media)?;
    throttle.upload(caller).await?;
    let id = {
        let mut connection = db.acquire().await?;
        if store::count_unused(&mut connection, caller.user).await? >= MOST_UNUSED {
            return Err(Error::Conflict("too_many_uploads"));
        }
        store::insert(&mut connection, caller.user, &new, caller.now, caller.now.plus_seconds(UNUSED_SECONDS)).await?
    };
    let (url, expires_at) = media.to_send(id, &new.content_type, new.size, caller.now)?;
    let headers = [("content-type", new.content_type)].into();
    Ok(UploadTicket { upload_id: id, method: "PUT", url, headers, expires_at })
}

/// Looks at what arrived. What was announced becomes ready; anything else is rejected and gone. Asking again gives the same answer.
pub async fn complete(db: &Db, push: &Push, media: &Media, caller: &Caller, id: UploadId) -> Result<Upload> {
    let upload = own(db, caller, id).await?;
    if upload.seen.state != UploadState::Pending {
        return answer(upload.seen);
    }
    let looked = look(db, media, caller, &upload).await;
    let upload = own(db, caller, id).await?;
    let changed = match looked {
        // Another look was quicker, and took away what was sent.
        Err(Error::Conflict(_)) if upload.seen.state != UploadState::Pending => false,
        looked => looked?,
    };
    if changed {
        // What was sent has served; should this fail, a rule of the bucket takes it within a day.
        if let Err(error) = media.forget_sent(id, caller.now).await {
            tracing::warn!(error = error.source().map(ToString::to_string), "an upload's first bytes stay for now");
        }
        if upload.seen.state == UploadState::Ready {
            let frame = Frame::UploadReady { upload: Box::new(upload.seen.clone()) };
            push.to_users(&[caller.user], &frame, caller.now).await;
        }
    }
    answer(upload.seen)
}

/// Looks at what arrived, and says so on its row. Whether this look was the one that counts.
async fn look(db: &Db, media: &Media, caller: &Caller, upload: &store::Upload) -> Result<bool> {
    let id = upload.seen.upload_id;
    let arrived = media.arrived(id, caller.now).await?.ok_or(Error::Conflict("upload_missing"))?;
    match looking::look(db, media, caller, upload, &arrived).await? {
        Ok(changed) => Ok(changed),
        Err(reason) => store::reject(&mut *db.acquire().await?, id, reason.code()).await,
    }
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
