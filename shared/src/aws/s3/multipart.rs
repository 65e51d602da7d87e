//! Multipart copies of large objects: S3 needs minutes to copy five gigabytes at once, and seconds in eighty parallel parts.

use std::time::{Duration, Instant};

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{Bucket, CopySource, SHORT, ServedAs, if_unchanged, unavailable, within};
use crate::error::{Error, Result};

/// Concurrent parts.
const AT_ONCE: usize = 16;

/// A running copy.
struct MultipartCopy<'a> {
    bucket: &'a Bucket,
    source: CopySource<'a>,
    to: &'a str,
    upload_id: String,
    until: Instant,
}

impl Bucket {
    /// Copies an object in parts. Returns false when its etag changed. An aborted copy leaves nothing; a lifecycle rule of the bucket removes
    /// interrupted ones within a day.
    pub(super) async fn copy_parts(
        &self,
        source: CopySource<'_>,
        to: &str,
        served_as: ServedAs<'_>,
        until: Instant,
    ) -> Result<bool> {
        let ServedAs { cache_control, content_disposition, content_type } = served_as;
        let request = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(to)
            .cache_control(cache_control)
            .content_disposition(content_disposition)
            .content_type(content_type);
        let begun = within(SHORT, request.send()).await?.map_err(unavailable)?;
        let upload_id = begun.upload_id.ok_or_else(|| Error::internal("S3 returned no upload id"))?;
        let copying = MultipartCopy { bucket: self, source, to, upload_id, until };
        let copied = copying.copy_all().await;
        if !matches!(copied, Ok(true)) {
            copying.abort().await;
        }
        copied
    }
}

impl MultipartCopy<'_> {
    async fn copy_all(&self) -> Result<bool> {
        let count = self.source.size.div_ceil(self.bucket.part_size);
        let parts = stream::iter((0..count).map(|index| self.copy_part(index))).buffered(AT_ONCE);
        let parts: Vec<Option<CompletedPart>> = parts.try_collect().await?;
        let Some(parts) = parts.into_iter().collect::<Option<Vec<_>>>() else { return Ok(false) };
        let complete = self
            .bucket
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket.name)
            .key(self.to)
            .upload_id(&self.upload_id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        within(self.left(), complete.send()).await?.map(|_| true).map_err(unavailable)
    }

    /// Copies one part. Returns none when the source changed.
    async fn copy_part(&self, index: u64) -> Result<Option<CompletedPart>> {
        let (size, part_size) = (self.source.size, self.bucket.part_size);
        let (first, end) = (index * part_size, size.min((index + 1) * part_size));
        let number = i32::try_from(index + 1).map_err(Error::internal)?;
        let copy = self
            .bucket
            .client
            .upload_part_copy()
            .bucket(&self.bucket.name)
            .key(self.to)
            .upload_id(&self.upload_id)
            .part_number(number)
            .copy_source(self.bucket.copy_source(self.source))
            .copy_source_if_match(self.source.etag)
            .copy_source_range(format!("bytes={first}-{}", end - 1));
        let Some(copied) = if_unchanged(within(self.left(), copy.send()).await?)? else { return Ok(None) };
        let etag = copied.copy_part_result.and_then(|result| result.e_tag);
        let etag = etag.ok_or_else(|| Error::internal("S3 returned no etag for a part"))?;
        Ok(Some(CompletedPart::builder().part_number(number).e_tag(etag).build()))
    }

    async fn abort(&self) {
        let abort = self.bucket.client.abort_multipart_upload();
        let abort = abort.bucket(&self.bucket.name).key(self.to).upload_id(&self.upload_id);
        let aborted = within(SHORT, abort.send()).await.and_then(|answer| answer.map(drop).map_err(unavailable));
        if let Err(error) = aborted {
            tracing::warn!(error = error.causes(), "an aborted copy leaves its parts for a day");
        }
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}
