//! Verification of uploaded bytes against what was announced. Pictures are decoded and re-encoded, files are copied, in both cases to objects
//! that the client cannot write. One verification runs at a time; a lease in the row lets another take over from one that died.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::caller::Caller;
use crate::config::Quota;
use crate::domain::uploads::{attachments, storage_quota};
use crate::error::{Error, Result};
use crate::id::{ObjectId, UploadId};
use crate::media::picture::{self, Picture, PictureError};
use crate::media::{Deadline, Media, Object, Playback, ServedFile, UploadedObject, location, names, sniff};
use crate::protocol::uploads::Purpose;
use crate::store::uploads::{self as store, UploadRecord, VerifiedUpload};
use crate::store::{Db, transaction};

/// Attempts per upload. A picture that crashes the function each time is rejected.
const MAX_ATTEMPTS: u32 = 10;
/// Time limit for fetching and decoding a picture. The heaviest accepted one needs a third of it on a whole CPU.
const PICTURE_TIME: Duration = Duration::from_secs(8);
/// Time limit for copying a file inside S3, from the beginning of the request.
const FILE_TIME: Duration = Duration::from_secs(24);
/// Lease of a verification. It is longer than the function's timeout.
const LEASE_SECONDS: i64 = 30;

/// Why a file is refused that is on the deployment's list.
pub(super) const REFUSED_TYPE: &str = "is a type of file that this server does not take";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RejectionReason {
    /// The length differs from the announced one.
    Size,
    /// The type differs from the announced one.
    Type,
    /// This deployment refuses files of this type.
    Refused,
    /// It starts like a picture but cannot be decoded.
    NotAPicture,
    TooManyPixels,
    /// Decoding takes more work than its size suggests.
    TooComplex,
}

const REASONS: [RejectionReason; 6] = [
    RejectionReason::Size,
    RejectionReason::Type,
    RejectionReason::Refused,
    RejectionReason::NotAPicture,
    RejectionReason::TooManyPixels,
    RejectionReason::TooComplex,
];

impl RejectionReason {
    pub(crate) fn of(code: &str) -> Option<Self> {
        REASONS.into_iter().find(|reason| reason.code() == code)
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Size => "size_mismatch",
            Self::Type => "type_mismatch",
            Self::Refused => "type_refused",
            Self::NotAPicture => "not_a_picture",
            Self::TooManyPixels => "too_many_pixels",
            Self::TooComplex => "too_complex",
        }
    }
}

impl From<RejectionReason> for Error {
    fn from(reason: RejectionReason) -> Self {
        let (field, detail) = match reason {
            RejectionReason::Size => ("size", "is not how many bytes arrived"),
            RejectionReason::Type => ("content_type", "is not what the bytes are"),
            RejectionReason::Refused => ("content_type", REFUSED_TYPE),
            RejectionReason::NotAPicture => ("content_type", "says that it is a picture, but it cannot be decoded"),
            RejectionReason::TooManyPixels => (
                "size",
                "is small, but the picture has more pixels than can be decoded: 200 million as JPEG or PNG, 40 million as WebP",
            ),
            RejectionReason::TooComplex => ("size", "is small, but the picture has too many frames or scans for its pixels"),
        };
        Self::invalid(field, reason.code(), detail)
    }
}

/// Maps a decoder's failure to a rejection. A timeout is an error, not a rejection.
fn rejection(flaw: PictureError) -> Result<RejectionReason> {
    match flaw {
        PictureError::UnknownFormat => Ok(RejectionReason::Type),
        PictureError::NotAPicture => Ok(RejectionReason::NotAPicture),
        PictureError::TooManyPixels => Ok(RejectionReason::TooManyPixels),
        PictureError::TooComplex => Ok(RejectionReason::TooComplex),
        PictureError::OutOfTime => Err(Error::unavailable("a picture was not decoded in time")),
    }
}

/// Requires a picture of the caller that is ready and not in use.
pub(super) fn require_poster(poster: &UploadRecord, caller: &Caller) -> Result<()> {
    if poster.owner != caller.user {
        return Err(Error::NotFound("upload_not_found"));
    }
    if poster.info.purpose != Purpose::Image {
        return Err(Error::invalid("poster_upload_id", "wrong_purpose", "must have the purpose image"));
    }
    attachments::require_usable(poster)
}

struct Verification<'a> {
    db: &'a Db,
    media: &'a Media,
    caller: &'a Caller,
    upload: &'a UploadRecord,
    arrived: &'a UploadedObject,
    object: Object,
    started_at: Instant,
}

/// Verifies uploads for one request.
#[derive(Clone, Copy)]
pub(crate) struct Verifier<'a> {
    pub(crate) db: &'a Db,
    pub(crate) media: &'a Media,
    pub(crate) quota: Quota,
    /// When the request began.
    pub(crate) started_at: Instant,
}

impl Verifier<'_> {
    /// Verifies the bytes, stores them under a new object, and updates the upload's row. Returns false while another verification runs or if it was
    /// faster.
    pub(crate) async fn verify(&self, caller: &Caller, upload: &UploadRecord, arrived: &UploadedObject) -> Result<bool> {
        let Self { db, media, quota, started_at } = *self;
        let (upload_id, purpose) = (upload.info.upload_id, upload.info.purpose);
        let reject = async |reason: RejectionReason| store::reject(&mut *db.acquire().await?, upload_id, reason.code()).await;
        if arrived.size != upload.info.size {
            return reject(RejectionReason::Size).await;
        }
        let until = caller.now.plus_seconds(LEASE_SECONDS);
        let Some(id) = store::begin_verification(&mut *db.acquire().await?, upload_id, caller.now, until).await? else {
            return Ok(false);
        };
        if id.attempt > MAX_ATTEMPTS {
            return reject(RejectionReason::TooComplex).await;
        }
        let verification = Verification { db, media, caller, upload, arrived, object: Object { id, purpose }, started_at };
        match verification.store_verified(quota).await {
            Ok(Ok(counts)) => Ok(counts),
            Ok(Err(reason)) => reject(reason).await,
            Err(error) => {
                // The verification failed without a result: release the lease so that a retry need not wait.
                if let Err(error) = release_lease(db, id).await {
                    tracing::warn!(error = error.causes(), "the lease of a failed verification was not released");
                }
                Err(error)
            }
        }
    }
}

async fn release_lease(db: &Db, id: ObjectId) -> Result<()> {
    store::release_verification(&mut *db.acquire().await?, id).await
}

impl Verification<'_> {
    /// Stores verified bytes. Returns whether this verification won, or why the bytes are rejected.
    async fn store_verified(&self, quota: Quota) -> Result<Result<bool, RejectionReason>> {
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
            && let Err(error) = self.media.delete_object(self.object).await
        {
            // The row counts this attempt, so the sweep finds its objects.
            tracing::warn!(error = error.causes(), "the objects of a failed verification were not deleted");
        }
        let poster = found.poster.filter(|_| matches!(accepted, Ok(true)));
        if let Some(poster) = poster
            && let Err(error) = self.discard(poster).await
        {
            tracing::warn!(error = error.causes(), "the picture of a poster stays until it expires");
        }
        accepted.map(Ok)
    }

    /// Discards the picture of a poster: the video has a thumbnail of its own now.
    async fn discard(&self, poster: UploadId) -> Result<bool> {
        store::discard(&mut *self.db.acquire().await?, self.caller, poster, self.caller.now).await
    }

    /// Returns whether this verification won. Storage was reserved for the announced size; a picture that grew needs more.
    async fn accept(&self, found: &VerifiedUpload, quota: Quota) -> Result<bool> {
        let (id, grown) = (self.object.id, found.size.saturating_sub(self.arrived.size));
        if grown == 0 {
            return store::accept(&mut *self.db.acquire().await?, id, found).await;
        }
        transaction!(self.db, |tx| {
            let usage = storage_quota::lock_usage(tx, self.caller).await?;
            storage_quota::require_space(usage, quota, grown, 0)?;
            store::accept(tx, id, found).await
        })
    }

    async fn picture(&self) -> Result<Result<VerifiedUpload, RejectionReason>> {
        let media = self.media;
        let stop = Deadline::at(Instant::now() + PICTURE_TIME);
        let bytes = media.read_start(self.arrived, self.arrived.size).await?.ok_or(Error::Conflict("upload_changed"))?;
        let square = self.object.purpose == Purpose::Avatar;
        // Decoding runs on a blocking thread. It stops when the time is over or this future is dropped.
        let (_waiting, turn) = (stop.cancel_on_drop(), media.verification_slot(&stop).await?);
        let work = move || {
            let _turn = turn;
            if square { picture::avatar(&bytes, &stop) } else { picture::image(&bytes, &stop) }
        };
        let made: Picture = match tokio::task::spawn_blocking(work).await.map_err(Error::internal)? {
            Ok(made) => made,
            Err(flaw) => return rejection(flaw).map(Err),
        };
        if media.refuses_inside(&made.original.bytes) {
            return Ok(Err(RejectionReason::Refused));
        }
        let file_name = names::with_extension(&self.upload.info.file_name, made.original.content_type);
        media.store_picture(self.object, &made, &file_name).await?;
        Ok(Ok(VerifiedUpload {
            file_name,
            content_type: made.original.content_type,
            size: made.original.bytes.len() as u64,
            dimensions: Some(made.dimensions),
            placeholder: made.placeholder,
            duration: None,
            poster: None,
        }))
    }

    /// Copies a file of any type, unless the deployment refuses it. Audio and video get what their headers say.
    async fn file(&self) -> Result<Result<VerifiedUpload, RejectionReason>> {
        let media = self.media;
        let changed = || Error::Conflict("upload_changed");
        let head = media.read_start(self.arrived, sniff::HEAD).await?.ok_or_else(changed)?;
        if media.refuses_bytes(self.arrived, &head).await? {
            return Ok(Err(RejectionReason::Refused));
        }
        let file_name = self.upload.info.file_name.clone();
        let shown = sniff::presentation(&self.upload.info.content_type, &file_name, &head);
        let Playback { duration, dimensions } = media.playback(self.arrived, &head, shown.content_type).await;
        let file = ServedFile { object: self.object, shown, name: &file_name };
        if let Some(blanked) = self.without_location(&head).await? {
            media.store_changed_file(file, blanked).await?;
        } else if !media.store_file(self.arrived, file, self.started_at + FILE_TIME).await? {
            return Err(changed());
        }
        let (content_type, size) = (shown.content_type, self.arrived.size);
        let poster = if content_type.starts_with("video/") { self.poster(&file_name).await? } else { None };
        let placeholder = poster.as_ref().and_then(|poster| poster.info.placeholder.clone());
        let poster = poster.map(|poster| poster.info.upload_id);
        Ok(Ok(VerifiedUpload { file_name, content_type, size, dimensions, placeholder, duration, poster }))
    }

    /// Stores the announced poster of a video. A picture that was used or deleted meanwhile is none.
    async fn poster(&self, file_name: &str) -> Result<Option<UploadRecord>> {
        let Some(id) = self.upload.poster else { return Ok(None) };
        let found = store::find(&mut *self.db.acquire().await?, id).await?;
        let Some(poster) = found.filter(|found| require_poster(found, self.caller).is_ok()) else { return Ok(None) };
        let Some(object) = poster.object else { return Ok(None) };
        let stored = self.media.store_poster(object, self.object, file_name).await?;
        Ok(stored.then_some(poster))
    }

    /// Returns the bytes of a picture that is sent as a file without its location; none if there is no location, or too much to search.
    async fn without_location(&self, head: &[u8]) -> Result<Option<Bytes>> {
        if !location::is_searched(head) || self.arrived.size > location::MAX_SEARCHED {
            return Ok(None);
        }
        let bytes = self.media.read_start(self.arrived, self.arrived.size).await?.ok_or(Error::Conflict("upload_changed"))?;
        let work = move || {
            let mut bytes = Vec::from(bytes);
            location::blank(&mut bytes).then(|| Bytes::from(bytes))
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}
