//! Looking at what arrived: is it what was announced? A picture is decoded and written anew, a file is copied as it is; both away from where the
//! client can write.

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::id::ObjectId;
use crate::media::picture::{self, Flaw, Picture};
use crate::media::{Arrived, Media, Object, names, sniff};
use crate::protocol::uploads::Purpose;
use crate::store::uploads::{self as store, Found, Upload};
use crate::store::{Db, transaction};

/// Looks at one upload. A picture that ends every function that looks at it is given up.
const MOST_LOOKS: u32 = 10;

/// Why an upload is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Another length than announced.
    Size,
    /// Another type than announced.
    Type,
    /// It begins like a picture and is none.
    NotAPicture,
    /// More pixels than are taken.
    TooManyPixels,
    /// It takes more work than its size suggests.
    TooComplex,
}

const REASONS: [Reason; 5] = [Reason::Size, Reason::Type, Reason::NotAPicture, Reason::TooManyPixels, Reason::TooComplex];

impl Reason {
    pub(super) fn of(code: &str) -> Option<Self> {
        REASONS.into_iter().find(|reason| reason.code() == code)
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Size => "size_mismatch",
            Self::Type => "type_mismatch",
            Self::NotAPicture => "not_a_picture",
            Self::TooManyPixels => "too_many_pixels",
            Self::TooComplex => "too_complex",
        }
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        let (field, detail) = match reason {
            Reason::Size => ("size", "is not how many bytes arrived"),
            Reason::Type => ("content_type", "is not what the bytes are"),
            Reason::NotAPicture => ("content_type", "says that it is a picture, but it cannot be decoded"),
            Reason::TooManyPixels => {
                ("size", "is small, but the picture has more than 40 million pixels, or a side of more than 16384")
            }
            Reason::TooComplex => ("size", "is small, but the picture has too many frames or scans"),
        };
        Self::invalid(field, reason.code(), detail)
    }
}

impl From<Flaw> for Reason {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::NotAPicture => Self::NotAPicture,
            Flaw::TooManyPixels => Self::TooManyPixels,
            Flaw::TooComplex => Self::TooComplex,
        }
    }
}

/// Looks at the bytes, and keeps them away from where they were sent to. Tells whether this look was the one that counts, or why they are rejected.
pub(super) async fn look(
    db: &Db,
    media: &Media,
    caller: &Caller,
    upload: &Upload,
    arrived: &Arrived,
) -> Result<Result<bool, Reason>> {
    if arrived.size != upload.seen.size {
        return Ok(Err(Reason::Size));
    }
    let Some(object) = begin(db, upload).await? else { return Ok(Ok(false)) };
    if object.attempt > MOST_LOOKS {
        return Ok(Err(Reason::TooComplex));
    }
    let object = Object { id: object, purpose: upload.seen.purpose };
    let found = match object.purpose {
        Purpose::File => file(media, caller, upload, (arrived, object)).await?,
        Purpose::Image | Purpose::Avatar => picture(media, caller, upload, (arrived, object)).await?,
    };
    let found = match found {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let counts = store::accept(&mut *db.acquire().await?, object.id, &found).await?;
    if !counts && let Err(error) = media.forget(object, caller.now).await {
        // Its row knows of this look, so the sweep finds what it wrote.
        tracing::warn!(error = error.source().map(ToString::to_string), "a second look at an upload stays for now");
    }
    Ok(Ok(counts))
}

async fn begin(db: &Db, upload: &Upload) -> Result<Option<ObjectId>> {
    transaction!(db, |tx| store::begin(tx, upload.seen.upload_id).await)
}

type Kept<'a> = (&'a Arrived, Object);

async fn picture(media: &Media, caller: &Caller, upload: &Upload, (arrived, object): Kept<'_>) -> Result<Result<Found, Reason>> {
    let bytes = media.first(arrived, arrived.size, caller.now).await?.ok_or(Error::Conflict("upload_changed"))?;
    let declared = upload.seen.content_type.clone();
    if !sniff::agrees(&declared, &bytes) {
        return Ok(Err(Reason::Type));
    }
    let square = object.purpose == Purpose::Avatar;
    // Off this thread, which has to notice when the request takes too long.
    let work = move || if square { picture::avatar(&bytes, &declared) } else { picture::image(&bytes, &declared) };
    let made: Picture = match tokio::task::spawn_blocking(work).await.map_err(Error::internal)? {
        Ok(made) => made,
        Err(flaw) => return Ok(Err(flaw.into())),
    };
    let file_name = names::with_ending(&upload.seen.file_name, made.whole.content_type);
    media.keep_picture(object, &made, &file_name, caller.now).await?;
    Ok(Ok(Found {
        file_name,
        content_type: made.whole.content_type,
        size: made.whole.bytes.len() as u64,
        dimensions: Some(made.dimensions),
        placeholder: made.placeholder,
    }))
}

async fn file(media: &Media, caller: &Caller, upload: &Upload, (arrived, object): Kept<'_>) -> Result<Result<Found, Reason>> {
    let changed = || Error::Conflict("upload_changed");
    let head = media.first(arrived, sniff::HEAD, caller.now).await?.ok_or_else(changed)?;
    let declared = &upload.seen.content_type;
    if !sniff::agrees(declared, &head) {
        return Ok(Err(Reason::Type));
    }
    let content_type = sniff::told(declared);
    let file_name = upload.seen.file_name.clone();
    if !media.keep_file(object, arrived, (content_type, &file_name), caller.now).await? {
        return Err(changed());
    }
    Ok(Ok(Found { file_name, content_type, size: arrived.size, dimensions: None, placeholder: None }))
}
