//! Looking at what arrived: is it what was announced? A picture is decoded and written anew, a file is copied as it is; both away from where the
//! client can write. One look at a time: its row says until when, and who looks then takes over from a look that died.

use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::config::Quota;
use crate::domain::storage;
use crate::error::{Error, Result};
use crate::id::ObjectId;
use crate::media::picture::{self, Flaw, Picture};
use crate::media::{Arrived, Media, Object, Stop, names, sniff};
use crate::protocol::uploads::Purpose;
use crate::store::uploads::{self as store, Found, Upload};
use crate::store::{Db, transaction};

/// Looks at one upload. A picture that ends every function that looks at it is given up.
const MOST_LOOKS: u32 = 10;
/// For so long a picture is fetched and decoded; the heaviest that is taken needs a third of it.
const PICTURE: Duration = Duration::from_secs(8);
/// From the beginning of the request on, a file is copied inside S3 for so long.
const FILE: Duration = Duration::from_secs(24);
/// After so many seconds a look is taken for dead. None takes longer: its function would have ended before.
const DEAD_SECONDS: i64 = 30;

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
            Reason::TooComplex => ("size", "is small, but the picture has too many frames or scans for its pixels"),
        };
        Self::invalid(field, reason.code(), detail)
    }
}

/// Why a picture is rejected, unless it may be one.
fn rejected(flaw: Flaw) -> Result<Reason> {
    match flaw {
        Flaw::NotAPicture => Ok(Reason::NotAPicture),
        Flaw::TooManyPixels => Ok(Reason::TooManyPixels),
        Flaw::TooComplex => Ok(Reason::TooComplex),
        Flaw::OutOfTime => Err(Error::unavailable("a picture was not decoded in time")),
    }
}

/// A look under way.
struct Look<'a> {
    db: &'a Db,
    media: &'a Media,
    caller: &'a Caller,
    upload: &'a Upload,
    arrived: &'a Arrived,
    object: Object,
    /// When the request began.
    begun: Instant,
}

/// Looks at the bytes, keeps them away from where they were sent to, and says on their row what they are. False when somebody else looks just now,
/// or was quicker.
pub(super) async fn look(
    (db, media, quota): (&Db, &Media, Quota),
    caller: &Caller,
    upload: &Upload,
    (arrived, begun): (&Arrived, Instant),
) -> Result<bool> {
    let (upload_id, purpose) = (upload.seen.upload_id, upload.seen.purpose);
    let reject = async |reason: Reason| store::reject(&mut *db.acquire().await?, upload_id, reason.code()).await;
    if arrived.size != upload.seen.size {
        return reject(Reason::Size).await;
    }
    let until = caller.now.plus_seconds(DEAD_SECONDS);
    let Some(id) = store::begin(&mut *db.acquire().await?, upload_id, caller.now, until).await? else { return Ok(false) };
    if id.attempt > MOST_LOOKS {
        return reject(Reason::TooComplex).await;
    }
    let look = Look { db, media, caller, upload, arrived, object: Object { id, purpose }, begun };
    match look.keep(quota).await {
        Ok(Ok(counts)) => Ok(counts),
        Ok(Err(reason)) => reject(reason).await,
        Err(error) => {
            // It found nothing out: whoever asks again need not wait.
            if let Err(error) = leave(db, id).await {
                tracing::warn!(error = error.source().map(ToString::to_string), "a look that ended is taken for one for a while");
            }
            Err(error)
        }
    }
}

async fn leave(db: &Db, id: ObjectId) -> Result<()> {
    store::leave(&mut *db.acquire().await?, id).await
}

impl Look<'_> {
    /// Keeps what is what it should be. Whether this look is the one that counts, or why the bytes are rejected.
    async fn keep(&self, quota: Quota) -> Result<Result<bool, Reason>> {
        let found = match self.object.purpose {
            Purpose::File => self.file().await?,
            Purpose::Image | Purpose::Avatar => self.picture().await?,
        };
        let found = match found {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let accepted = self.accept(&found, quota).await;
        if !matches!(accepted, Ok(true))
            && let Err(error) = self.media.forget(self.object, self.caller.now).await
        {
            // Its row knows of this look, so the sweep finds what it wrote.
            tracing::warn!(error = error.source().map(ToString::to_string), "what a look wrote in vain stays for now");
        }
        accepted.map(Ok)
    }

    /// Whether this look is the one that counts. Room was taken for what was announced; a picture that grew needs more.
    async fn accept(&self, found: &Found, quota: Quota) -> Result<bool> {
        let (id, grown) = (self.object.id, found.size.saturating_sub(self.arrived.size));
        if grown == 0 {
            return store::accept(&mut *self.db.acquire().await?, id, found).await;
        }
        transaction!(self.db, |tx| {
            let usage = storage::hold(tx, self.caller).await?;
            storage::fits(usage, quota, grown, 0)?;
            store::accept(tx, id, found).await
        })
    }

    async fn picture(&self) -> Result<Result<Found, Reason>> {
        let (media, now) = (self.media, self.caller.now);
        let stop = Stop::at(Instant::now() + PICTURE);
        let bytes = media.first(self.arrived, self.arrived.size, now).await?.ok_or(Error::Conflict("upload_changed"))?;
        let declared = self.upload.seen.content_type.clone();
        if !sniff::agrees(&declared, &bytes) {
            return Ok(Err(Reason::Type));
        }
        let square = self.object.purpose == Purpose::Avatar;
        // Off this thread, which has to notice when the request takes too long; whether it does or is dropped, the decoder ends.
        let (_waiting, turn) = (stop.or_when_dropped(), media.turn(&stop).await?);
        let work = move || {
            let _turn = turn;
            if square { picture::avatar(&bytes, &declared, &stop) } else { picture::image(&bytes, &declared, &stop) }
        };
        let made: Picture = match tokio::task::spawn_blocking(work).await.map_err(Error::internal)? {
            Ok(made) => made,
            Err(flaw) => return rejected(flaw).map(Err),
        };
        let file_name = names::with_ending(&self.upload.seen.file_name, made.whole.content_type);
        media.keep_picture(self.object, &made, &file_name, now).await?;
        Ok(Ok(Found {
            file_name,
            content_type: made.whole.content_type,
            size: made.whole.bytes.len() as u64,
            dimensions: Some(made.dimensions),
            placeholder: made.placeholder,
        }))
    }

    async fn file(&self) -> Result<Result<Found, Reason>> {
        let (media, now) = (self.media, self.caller.now);
        let changed = || Error::Conflict("upload_changed");
        let head = media.first(self.arrived, sniff::HEAD, now).await?.ok_or_else(changed)?;
        let declared = &self.upload.seen.content_type;
        if !sniff::agrees(declared, &head) {
            return Ok(Err(Reason::Type));
        }
        let content_type = sniff::told(declared);
        let file_name = self.upload.seen.file_name.clone();
        let until = self.begun + FILE;
        if !media.keep_file(self.object, self.arrived, (content_type, &file_name), (now, until)).await? {
            return Err(changed());
        }
        Ok(Ok(Found { file_name, content_type, size: self.arrived.size, dimensions: None, placeholder: None }))
    }
}
