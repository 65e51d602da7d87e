//! Multipart copies of large objects: S3 needs minutes to copy five gigabytes at once, and seconds in eighty parallel parts.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::bucket::{Bucket, Headers, MAX_ANSWER, SHORT, ensure_success};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Concurrent parts.
const AT_ONCE: usize = 16;
/// Characters that stay unescaped in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The object to copy.
#[derive(Clone, Copy)]
pub(super) struct CopySource<'a> {
    pub(super) key: &'a str,
    /// The expected etag.
    pub(super) etag: &'a str,
    pub(super) size: u64,
}

/// Start and deadline of a copy.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    pub(super) now: Timestamp,
    pub(super) until: Instant,
}

impl Timing {
    fn left(self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// A running copy.
struct MultipartCopy<'a> {
    bucket: &'a Bucket,
    to: &'a str,
    id: String,
}

impl Bucket {
    /// Copies an object in parts of this size. Returns false when its etag changed. An aborted copy leaves nothing; a lifecycle rule of the bucket
    /// removes interrupted ones within a day.
    pub(super) async fn copy_parts(
        &self,
        source: CopySource<'_>,
        to: &str,
        headers: Headers<'_>,
        (part, timing): (u64, Timing),
    ) -> Result<bool> {
        let at = format!("{to}?uploads=");
        let begun =
            ensure_success(self.call((Method::POST, &at), headers, Bytes::new(), (timing.now, SHORT, MAX_ANSWER)).await?)?;
        let id = element(begun.body(), "UploadId").ok_or_else(|| Error::internal("S3 returned no upload id"))?;
        let copying = MultipartCopy { bucket: self, to, id: utf8_percent_encode(&id, QUERY).to_string() };
        let copied = copying.copy_all(source, part, timing).await;
        if !matches!(copied, Ok(true)) {
            copying.abort(timing.now).await;
        }
        copied
    }
}

impl MultipartCopy<'_> {
    async fn copy_all(&self, source: CopySource<'_>, part: u64, timing: Timing) -> Result<bool> {
        let parts = (0..source.size.div_ceil(part)).map(|number| {
            let (first, end) = (number * part, source.size.min((number + 1) * part));
            self.copy_part(source, number + 1, format!("bytes={first}-{}", end - 1), timing)
        });
        let copied: Vec<Option<String>> = stream::iter(parts).buffered(AT_ONCE).try_collect().await?;
        let Some(etags) = copied.into_iter().collect::<Option<Vec<_>>>() else { return Ok(false) };
        let mut body = "<CompleteMultipartUpload>".to_owned();
        for (number, etag) in (1_u32..).zip(etags) {
            let _ = write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        }
        body.push_str("</CompleteMultipartUpload>");
        let at = format!("{}?uploadId={}", self.to, self.id);
        let headers = [("content-type", "application/xml")];
        let answer = self.bucket.call((Method::POST, &at), &headers, body.into(), (timing.now, timing.left(), MAX_ANSWER));
        succeeded(&ensure_success(answer.await?)?).map(|()| true)
    }

    /// Copies one part. Returns its etag, or none when the source changed.
    async fn copy_part(&self, source: CopySource<'_>, number: u64, range: String, timing: Timing) -> Result<Option<String>> {
        let from = format!("/{}/{}", self.bucket.name(), source.key);
        let headers = [
            ("x-amz-copy-source", from.as_str()),
            ("x-amz-copy-source-if-match", source.etag),
            ("x-amz-copy-source-range", range.as_str()),
        ];
        let at = format!("{}?partNumber={number}&uploadId={}", self.to, self.id);
        let answer =
            self.bucket.call((Method::PUT, &at), &headers, Bytes::new(), (timing.now, timing.left(), MAX_ANSWER)).await?;
        if matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::PRECONDITION_FAILED) {
            return Ok(None);
        }
        let answer = ensure_success(answer)?;
        succeeded(&answer)?;
        element(answer.body(), "ETag").map(Some).ok_or_else(|| Error::internal("S3 returned no etag for a part"))
    }

    async fn abort(&self, now: Timestamp) {
        let at = format!("{}?uploadId={}", self.to, self.id);
        let answer = self.bucket.call((Method::DELETE, &at), &[], Bytes::new(), (now, SHORT, MAX_ANSWER)).await;
        if let Err(error) = answer.and_then(ensure_success) {
            tracing::warn!(error = error.source().map(ToString::to_string), "an aborted copy leaves its parts for a day");
        }
    }
}

/// S3 can report the failure of a copy after answering 200.
pub(super) fn succeeded(answer: &http::Response<Bytes>) -> Result<()> {
    let failed = answer.body().windows(7).any(|part| part == b"<Error>");
    if failed { Err(Error::unavailable("S3 could not copy")) } else { Ok(()) }
}

/// Returns the raw text of an XML element.
fn element(body: &[u8], name: &str) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn an_element_is_found_in_an_answer() {
        let answer = br#"<?xml version="1.0"?><CopyPartResult xmlns="x"><ETag>&quot;9b2cf&quot;</ETag></CopyPartResult>"#;
        assert_eq!(element(answer, "ETag").as_deref(), Some("&quot;9b2cf&quot;"));
        assert_eq!((element(answer, "UploadId"), element(b"<ETag>x", "ETag"), element(b"\xff", "ETag")), (None, None, None));
    }
}
