//! Media in S3. Clients upload and download through presigned URLs; functions read images to verify them, and of files some pages.
//!
//! Clients upload to `pending/`, which is never served. Verification writes to other keys, for which no client ever gets an upload URL, so verified
//! objects cannot be replaced.

mod archive;
pub mod media_types;
pub mod names;
mod playback;
mod refused_types;
pub mod sniff;
mod spans;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use self::playback::Playback;
pub use self::refused_types::RefusedTypes;
use self::sniff::Presentation;
use self::spans::{PAGE, Spans, Stop};
use crate::aws::s3::{Bucket, CopySource, ServedAs, Validity};
use crate::config;
use crate::error::{Error, Result};
use crate::id::{ObjectId, UploadId};
use crate::protocol::uploads::Purpose;
use crate::time::Timestamp;
pub use pictures::{self as picture, CancelOnDrop, Deadline, location};
use pictures::{EncodedImage, Picture};

/// Validity of upload URLs.
const UPLOAD_URL_VALIDITY: Duration = Duration::from_mins(10);
/// Maximum validity of download URLs; at least half of it remains.
const DOWNLOAD_URL_VALIDITY: Duration = Duration::from_mins(5);

/// Time limit for reading the headers of a file.
const HEADERS_TIME: Duration = Duration::from_secs(4);

/// Returns when the upload URLs issued until now have expired.
pub fn upload_expiry(now: Timestamp) -> Timestamp {
    now.plus_seconds(seconds(UPLOAD_URL_VALIDITY))
}

/// The media bucket.
#[derive(Debug)]
pub struct Media {
    bucket: Bucket,
    sizes: config::UploadSizes,
    refused: RefusedTypes,
    /// Images verified concurrently: one, because each takes a whole CPU and much memory.
    verification_slots: Arc<Semaphore>,
}

/// An uploaded object.
#[derive(Clone, Debug)]
pub struct UploadedObject {
    pub upload: UploadId,
    pub size: u64,
    etag: String,
}

/// A stored object and its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    pub id: ObjectId,
    /// The purpose decides the key prefix. Of files only videos with a poster have a thumbnail.
    pub purpose: Purpose,
}

/// A file to store, and how downloads present it.
#[derive(Clone, Copy, Debug)]
pub struct ServedFile<'a> {
    pub object: Object,
    pub shown: Presentation,
    pub name: &'a str,
}

/// A rendition of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
    /// The original size.
    Original,
    /// The thumbnail.
    Thumbnail,
}

/// A download URL. It stays the same within a time window, so that clients can cache the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresignedUrl {
    pub url: String,
    pub expires_at: Timestamp,
    /// Identifies the URL: it differs per object and window.
    pub etag: String,
}

impl Media {
    /// Opens no connection before the first call.
    pub fn new(aws: &config::Aws, config: &config::MediaConfig) -> Self {
        Self::of(Bucket::new(aws, &config.bucket), config.sizes).with_refused(RefusedTypes::of(&config.refused_types))
    }

    /// Uses a bucket at a known URL.
    pub fn at(aws: &config::Aws, url: &str, sizes: config::UploadSizes) -> Self {
        Self::of(Bucket::at(aws, url), sizes)
    }

    fn of(bucket: Bucket, sizes: config::UploadSizes) -> Self {
        Self { bucket, sizes, refused: RefusedTypes::default(), verification_slots: Arc::new(Semaphore::new(1)) }
    }

    /// Sets the types of files that are refused.
    #[must_use]
    pub fn with_refused(self, refused: RefusedTypes) -> Self {
        Self { refused, ..self }
    }

    /// The types of files that are refused.
    pub fn refused(&self) -> &RefusedTypes {
        &self.refused
    }

    /// Sets the part size of copies.
    #[must_use]
    pub fn with_part_size(self, bytes: u64) -> Self {
        Self { bucket: self.bucket.with_part_size(bytes), ..self }
    }

    /// Waits for the slot to verify an image. An abandoned verification can still hold it for a while.
    pub async fn verification_slot(&self, stop: &Deadline) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout_at(stop.time().into(), self.verification_slots.clone().acquire_owned());
        turn.await.map_err(Error::unavailable)?.map_err(Error::internal)
    }

    /// The maximum size of an upload in bytes.
    pub fn max_size(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Avatar => self.sizes.avatar,
            Purpose::Image => self.sizes.image,
            Purpose::File => self.sizes.file,
        }
    }

    /// Returns the upload URL and its expiry. The signature covers type and length.
    pub async fn upload_url(
        &self,
        upload: UploadId,
        content_type: &str,
        size: u64,
        now: Timestamp,
    ) -> Result<(String, Timestamp)> {
        let validity = Validity { from: now, length: UPLOAD_URL_VALIDITY };
        let url = self.bucket.presigned_put(&pending(upload), content_type, size, validity).await?;
        Ok((url, upload_expiry(now)))
    }

    /// Returns the download URL of a rendition.
    pub async fn download_url(&self, object: Object, part: Rendition, now: Timestamp) -> Result<PresignedUrl> {
        let (life, window) = (seconds(DOWNLOAD_URL_VALIDITY), seconds(DOWNLOAD_URL_VALIDITY) / 2);
        let number = now.seconds().div_euclid(window);
        let from = Timestamp(number * window * 1000);
        let url = self.bucket.presigned_get(&key(object, part), Validity { from, length: DOWNLOAD_URL_VALIDITY }).await?;
        let etag = format!("\"{}-{}-{number}\"", object.id.upload, object.id.attempt);
        Ok(PresignedUrl { url, expires_at: from.plus_seconds(life), etag })
    }

    /// Returns the uploaded object if it exists.
    pub async fn find_uploaded(&self, upload: UploadId) -> Result<Option<UploadedObject>> {
        let head = self.bucket.head(&pending(upload)).await?;
        Ok(head.map(|head| UploadedObject { upload, size: head.size, etag: head.etag }))
    }

    /// Reads the first bytes; none when the object changed since.
    pub async fn read_start(&self, arrived: &UploadedObject, first: u64) -> Result<Option<Bytes>> {
        self.bucket.get(&pending(arrived.upload), &arrived.etag, 0..first).await
    }

    /// Whether the bytes of a file are of a refused type, also inside of an archive. Costs nothing unless types are refused.
    pub async fn refuses_bytes(&self, arrived: &UploadedObject, head: &Bytes) -> Result<bool> {
        if self.refused.is_empty() || self.refused.includes_bytes(head) {
            return Ok(!self.refused.is_empty());
        }
        let inside = tokio::time::timeout(HEADERS_TIME, self.program_inside(arrived, head));
        let inside = inside.await.map_err(Error::unavailable)??;
        Ok(inside.is_some_and(|name| self.refused.includes(name)))
    }

    /// Whether a picture is also a program of a refused type: a JPEG can keep any bytes inside its compressed data.
    pub fn refuses_inside(&self, picture: &Bytes) -> bool {
        let inside = || archive::program_inside(&Spans::new(picture.len() as u64, picture.clone())).ok().flatten();
        !self.refused.is_empty() && inside().is_some_and(|name| self.refused.includes(name))
    }

    /// Reads duration and picture size of audio and video. Headers that are damaged, far apart or slow to read give nothing.
    pub async fn playback(&self, arrived: &UploadedObject, head: &Bytes, content_type: &str) -> Playback {
        let read = tokio::time::timeout(HEADERS_TIME, self.headers(arrived, head, content_type)).await;
        read.ok().and_then(Result::ok).flatten().unwrap_or_default()
    }

    async fn program_inside(&self, arrived: &UploadedObject, head: &Bytes) -> Result<Option<&'static str>> {
        let mut file = Spans::new(arrived.size, head.clone());
        loop {
            let found = archive::program_inside(&file);
            let Err(Stop::Missing(from)) = found else { return Ok(found.ok().flatten()) };
            // After the last page, what was found so far is the answer.
            self.read_page(arrived, &mut file, from).await?;
        }
    }

    async fn headers(&self, arrived: &UploadedObject, head: &Bytes, content_type: &str) -> Result<Option<Playback>> {
        let mut file = Spans::new(arrived.size, head.clone());
        loop {
            let found = playback::read(content_type, &file);
            let Err(Stop::Missing(from)) = found else { return Ok(found.ok()) };
            if !self.read_page(arrived, &mut file, from).await? {
                return Ok(None);
            }
        }
    }

    /// Reads a page that a parser asks for. Returns false when the file has been read often enough.
    async fn read_page(&self, arrived: &UploadedObject, file: &mut Spans, from: u64) -> Result<bool> {
        let page = from..from.saturating_add(PAGE).min(arrived.size);
        let bytes = self.bucket.get(&pending(arrived.upload), &arrived.etag, page).await?;
        Ok(file.add(from, bytes.ok_or(Error::Conflict("upload_changed"))?))
    }

    /// Stores a re-encoded image.
    pub async fn store_picture(&self, object: Object, picture: &Picture, name: &str) -> Result<()> {
        let disposition = names::disposition(true, name);
        let put = async |part, made: &EncodedImage| {
            let served_as = ServedAs { cache_control: CACHE, content_disposition: &disposition, content_type: made.content_type };
            self.bucket.put(&key(object, part), served_as, made.bytes.clone()).await
        };
        let both = futures_util::future::try_join(
            put(Rendition::Original, &picture.original),
            put(Rendition::Thumbnail, &picture.thumbnail),
        );
        both.await.map(drop)
    }

    /// Stores a file by copying it inside S3 until a time limit. Returns false when the object changed since.
    pub async fn store_file(&self, arrived: &UploadedObject, file: ServedFile<'_>, until: Instant) -> Result<bool> {
        let ServedFile { object, shown: Presentation { content_type, inline }, name } = file;
        let disposition = names::disposition(inline, name);
        let served_as = ServedAs { cache_control: CACHE, content_disposition: &disposition, content_type };
        let to = key(object, Rendition::Original);
        let source = CopySource { key: &pending(arrived.upload), etag: &arrived.etag, size: arrived.size };
        self.bucket.copy(source, &to, served_as, until).await
    }

    /// Stores the thumbnail of a picture as that of a video. Returns false when the picture is gone.
    pub async fn store_poster(&self, picture: ObjectId, video: Object, name: &str) -> Result<bool> {
        let from = key(Object { id: picture, purpose: Purpose::Image }, Rendition::Thumbnail);
        let Some(head) = self.bucket.head(&from).await? else { return Ok(false) };
        let Some(bytes) = self.bucket.get(&from, &head.etag, 0..head.size).await? else { return Ok(false) };
        let content_type = sniff::presentation("", "", &bytes).content_type;
        let disposition = names::disposition(true, &names::with_extension(name, content_type));
        let served_as = ServedAs { cache_control: CACHE, content_disposition: &disposition, content_type };
        self.bucket.put(&key(video, Rendition::Thumbnail), served_as, bytes).await.map(|()| true)
    }

    /// Stores a file whose bytes differ from those that arrived.
    pub async fn store_changed_file(&self, file: ServedFile<'_>, bytes: Bytes) -> Result<()> {
        let ServedFile { object, shown: Presentation { content_type, inline }, name } = file;
        let disposition = names::disposition(inline, name);
        let served_as = ServedAs { cache_control: CACHE, content_disposition: &disposition, content_type };
        self.bucket.put(&key(object, Rendition::Original), served_as, bytes).await
    }

    /// Deletes the pending object.
    pub async fn delete_pending(&self, upload: UploadId) -> Result<()> {
        self.bucket.delete(&pending(upload)).await
    }

    /// Deletes the output of a verification.
    pub async fn delete_object(&self, object: Object) -> Result<()> {
        self.bucket.delete(&key(object, Rendition::Original)).await?;
        self.bucket.delete(&key(object, Rendition::Thumbnail)).await
    }

    /// Checks that the bucket answers.
    pub async fn probe(&self) -> Result<()> {
        self.bucket.probe().await
    }
}

/// Objects are immutable; only the reader's own cache may store them.
const CACHE: &str = "private, max-age=31536000, immutable";

fn pending(upload: UploadId) -> String {
    format!("pending/{upload}")
}

fn key(object: Object, part: Rendition) -> String {
    let ObjectId { upload, attempt } = object.id;
    match (object.purpose, part) {
        (Purpose::Avatar, Rendition::Original) => format!("avatars/{upload}/{attempt}"),
        (Purpose::Avatar, Rendition::Thumbnail) => format!("avatars/{upload}/{attempt}-small"),
        (_, Rendition::Original) => format!("uploads/{upload}/{attempt}"),
        (_, Rendition::Thumbnail) => format!("thumbs/{upload}/{attempt}"),
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
