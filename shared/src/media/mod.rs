//! Media: bytes in S3 that no function carries but to look at a picture. Clients send and fetch by URLs that are signed here, for minutes.
//!
//! What a client sends stands under `pending/`, and is never served. Looking at it writes other objects, whose keys no URL for writing names: what
//! was verified stays as it is, whoever still holds a URL.

mod animation;
mod bucket;
mod jpeg;
pub mod names;
mod palette;
mod parts;
pub mod picture;
pub mod sniff;
mod stop;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::bucket::Bucket;
use self::parts::{Source, Timing};
use self::picture::{Made, Picture};
pub use self::stop::{Stop, Waiting};
use crate::config;
use crate::error::{Error, Result};
use crate::id::{ObjectId, UploadId};
use crate::protocol::uploads::Purpose;
use crate::time::Timestamp;

/// How long a client has to begin sending.
const TO_SEND: Duration = Duration::from_mins(10);
/// How long a client has to begin fetching, at most; at least half of it.
const TO_FETCH: Duration = Duration::from_mins(5);

/// The way to the bytes.
#[derive(Debug)]
pub struct Media {
    bucket: Bucket,
    sizes: config::Sizes,
    /// Pictures that are looked at at once: one, since each takes a whole processor and much of the memory.
    looks: Arc<Semaphore>,
}

/// What arrived: how much, and by which etag it is known.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The upload.
    pub upload: UploadId,
    /// Bytes.
    pub size: u64,
    etag: String,
}

/// Stored bytes, and what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Their name.
    pub id: ObjectId,
    /// What for; avatars stand apart, and a file has no small version.
    pub purpose: Purpose,
}

/// One of an upload's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The small version.
    Small,
}

/// A URL for a reader, and until when it works. Within a window of time it stays the same, so that what was fetched once is not fetched again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The URL.
    pub url: String,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// Names the URL: another object or another window has another one.
    pub etag: String,
}

impl Media {
    /// The way to a bucket; nothing is opened yet.
    pub fn new(aws: &config::Aws, config: &config::Media) -> Self {
        Self::of(Bucket::new(aws, &config.bucket), config.sizes)
    }

    /// The same for a bucket at a known URL.
    pub fn at(aws: &config::Aws, url: &str, sizes: config::Sizes) -> Self {
        Self::of(Bucket::at(aws, url.to_owned()), sizes)
    }

    fn of(bucket: Bucket, sizes: config::Sizes) -> Self {
        Self { bucket, sizes, looks: Arc::new(Semaphore::new(1)) }
    }

    /// The same with files copied in parts of so many bytes.
    #[must_use]
    pub fn parted(self, bytes: u64) -> Self {
        Self { bucket: self.bucket.parted(bytes), ..self }
    }

    /// One's turn to look at a picture. A look that nobody waits for any more may still be on its way to its end.
    pub async fn turn(&self, stop: &Stop) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout_at(stop.time().into(), self.looks.clone().acquire_owned());
        turn.await.map_err(Error::unavailable)?.map_err(Error::internal)
    }

    /// How many bytes an upload may have.
    pub fn most(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Avatar => self.sizes.avatar,
            Purpose::Image => self.sizes.image,
            Purpose::File => self.sizes.file,
        }
    }

    /// The URL to send an upload to, and until when. The signature binds type and length.
    pub fn to_send(&self, upload: UploadId, content_type: &str, size: u64, now: Timestamp) -> Result<(String, Timestamp)> {
        let size = size.to_string();
        let headers = [("content-length", size.as_str()), ("content-type", content_type)];
        let url = self.bucket.presigned(&Method::PUT, &pending(upload), &headers, (now, TO_SEND))?;
        Ok((url, now.plus_seconds(seconds(TO_SEND))))
    }

    /// The URL to fetch a part from.
    pub fn to_fetch(&self, object: Object, part: Part, now: Timestamp) -> Result<Signed> {
        let (life, window) = (seconds(TO_FETCH), seconds(TO_FETCH) / 2);
        let number = now.seconds().div_euclid(window);
        let from = Timestamp(number * window * 1000);
        let url = self.bucket.presigned(&Method::GET, &key(object, part), &[], (from, TO_FETCH))?;
        let etag = format!("\"{}-{}-{number}\"", object.id.upload, object.id.attempt);
        Ok(Signed { url, expires_at: from.plus_seconds(life), etag })
    }

    /// What arrived of an upload, if anything did.
    pub async fn arrived(&self, upload: UploadId, now: Timestamp) -> Result<Option<Arrived>> {
        let head = self.bucket.head(&pending(upload), now).await?;
        Ok(head.map(|head| Arrived { upload, size: head.size, etag: head.etag }))
    }

    /// The first bytes of what arrived; none when something else has arrived since.
    pub async fn first(&self, arrived: &Arrived, first: u64, now: Timestamp) -> Result<Option<Bytes>> {
        self.bucket.get(&pending(arrived.upload), &arrived.etag, first, now).await
    }

    /// Keeps a picture that was written anew.
    pub async fn keep_picture(&self, object: Object, picture: &Picture, name: &str, now: Timestamp) -> Result<()> {
        let disposition = names::disposition(true, name);
        let put = async |part, made: &Made| {
            let headers =
                [("cache-control", CACHE), ("content-disposition", disposition.as_str()), ("content-type", made.content_type)];
            self.bucket.put(&key(object, part), &headers, made.bytes.clone(), now).await
        };
        let both = futures_util::future::try_join(put(Part::Whole, &picture.whole), put(Part::Small, &picture.small));
        both.await.map(drop)
    }

    /// Keeps a file as it arrived; S3 copies it. False when something else has arrived since. A large one is copied until this time at most.
    pub async fn keep_file(
        &self,
        object: Object,
        arrived: &Arrived,
        (content_type, name): (&str, &str),
        (now, until): (Timestamp, Instant),
    ) -> Result<bool> {
        let disposition = names::disposition(false, name);
        let headers = [("cache-control", CACHE), ("content-disposition", disposition.as_str()), ("content-type", content_type)];
        let to = key(object, Part::Whole);
        let source = Source { key: &pending(arrived.upload), etag: &arrived.etag, size: arrived.size };
        self.bucket.copy(source, &to, &headers, Timing { now, until }).await
    }

    /// Forgets what a client sent.
    pub async fn forget_sent(&self, upload: UploadId, now: Timestamp) -> Result<()> {
        self.bucket.delete(&pending(upload), now).await
    }

    /// Forgets what a look at an upload wrote.
    pub async fn forget(&self, object: Object, now: Timestamp) -> Result<()> {
        self.bucket.delete(&key(object, Part::Whole), now).await?;
        if object.purpose != Purpose::File {
            self.bucket.delete(&key(object, Part::Small), now).await?;
        }
        Ok(())
    }

    /// Whether the bucket answers.
    pub async fn probe(&self, now: Timestamp) -> Result<()> {
        self.bucket.probe(now).await
    }
}

/// An object never changes, and only its reader may keep it.
const CACHE: &str = "private, max-age=31536000, immutable";

fn pending(upload: UploadId) -> String {
    format!("pending/{upload}")
}

fn key(object: Object, part: Part) -> String {
    let ObjectId { upload, attempt } = object.id;
    match (object.purpose, part) {
        (Purpose::Avatar, Part::Whole) => format!("avatars/{upload}/{attempt}"),
        (Purpose::Avatar, Part::Small) => format!("avatars/{upload}/{attempt}-small"),
        (_, Part::Whole) => format!("uploads/{upload}/{attempt}"),
        (_, Part::Small) => format!("thumbs/{upload}/{attempt}"),
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
