//! One S3 bucket, through the SDK: objects, copies and presigned URLs. Missing and changed objects are answers, not errors.

mod multipart;

use std::future::IntoFuture;
use std::ops::Range;
use std::time::{Duration, Instant, UNIX_EPOCH};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;

use crate::aws::{Lazy, http, lazy, sdk};
use crate::config::{self, ServiceEndpoint};
use crate::error::{Error, Result};
use crate::time::Timestamp;

const CONNECT: Duration = Duration::from_secs(1);
/// Time limit of calls without a large body, with all attempts.
const SHORT: Duration = Duration::from_secs(2);
/// Time limit of calls with a large body, and of copies in one call.
const LONG: Duration = Duration::from_secs(6);
/// Larger objects are copied in parts of this size. S3 copies one in about a second.
const PART: u64 = 64 * 1024 * 1024;

#[derive(Debug)]
pub struct Bucket {
    client: Lazy<Client>,
    name: String,
    part_size: u64,
}

/// Size and version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectHead {
    pub size: u64,
    /// Changes with every PUT.
    pub etag: String,
}

/// The object to copy.
#[derive(Clone, Copy, Debug)]
pub struct CopySource<'a> {
    pub key: &'a str,
    /// The expected etag.
    pub etag: &'a str,
    pub size: u64,
}

/// The headers that an object is served with.
#[derive(Clone, Copy, Debug)]
pub struct ServedAs<'a> {
    pub cache_control: &'a str,
    pub content_disposition: &'a str,
    pub content_type: &'a str,
}

/// When a presigned URL begins to be valid, and for how long it stays so.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    pub from: Timestamp,
    pub length: Duration,
}

impl Bucket {
    /// Opens no connection before the first call.
    pub fn new(aws: &config::Aws, name: &str) -> Self {
        Self::with_endpoint(aws, config::service_endpoint(config::Service::S3, &aws.region), name)
    }

    /// Uses a bucket at a known URL, whose last segment is its name.
    pub fn at(aws: &config::Aws, url: &str) -> Self {
        let (endpoint, name) = url.rsplit_once('/').unwrap_or((url, ""));
        Self::with_endpoint(aws, ServiceEndpoint::other(endpoint), name)
    }

    fn with_endpoint(aws: &config::Aws, endpoint: ServiceEndpoint, name: &str) -> Self {
        let aws = aws.clone();
        Self { client: lazy(move || connect(&aws, &endpoint)), name: name.to_owned(), part_size: PART }
    }

    /// Sets the part size of copies.
    #[must_use]
    pub fn with_part_size(self, part_size: u64) -> Self {
        Self { part_size, ..self }
    }

    /// Returns a URL for an upload of exactly this type and length: both headers are signed.
    pub async fn presigned_put(&self, key: &str, content_type: &str, size: u64, validity: Validity) -> Result<String> {
        let put = self.client.put_object().bucket(&self.name).key(key).content_type(content_type);
        let put = put.content_length(i64::try_from(size).map_err(Error::internal)?);
        let signed = Box::pin(put.presigned(validity.config()?)).await.map_err(Error::internal)?;
        Ok(signed.uri().to_owned())
    }

    /// Returns a URL for downloads.
    pub async fn presigned_get(&self, key: &str, validity: Validity) -> Result<String> {
        let get = self.client.get_object().bucket(&self.name).key(key);
        let signed = Box::pin(get.presigned(validity.config()?)).await.map_err(Error::internal)?;
        Ok(signed.uri().to_owned())
    }

    /// Returns size and etag of an object if it exists.
    pub async fn head(&self, key: &str) -> Result<Option<ObjectHead>> {
        let head = self.client.head_object().bucket(&self.name).key(key).send();
        let Some(head) = if_unchanged(within(SHORT, head).await?)? else { return Ok(None) };
        let size = head.content_length().and_then(|size| u64::try_from(size).ok());
        let found = size.zip(head.e_tag).map(|(size, etag)| ObjectHead { size, etag });
        found.map(Some).ok_or_else(|| Error::internal("S3 returned no size or no etag"))
    }

    /// Reads some bytes of an object, of which the first exists. Returns none when its etag changed.
    pub async fn get(&self, key: &str, etag: &str, bytes: Range<u64>) -> Result<Option<Bytes>> {
        let range = format!("bytes={}-{}", bytes.start, bytes.end.saturating_sub(1));
        let get = self.client.get_object().bucket(&self.name).key(key).if_match(etag).range(range).send();
        let Some(got) = if_unchanged(within(LONG, get).await?)? else { return Ok(None) };
        // The HTTP client has read the body already.
        Ok(Some(got.body.collect().await.map_err(Error::unavailable)?.into_bytes()))
    }

    pub async fn put(&self, key: &str, served_as: ServedAs<'_>, body: Bytes) -> Result<()> {
        let ServedAs { cache_control, content_disposition, content_type } = served_as;
        let put = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .cache_control(cache_control)
            .content_disposition(content_disposition)
            .content_type(content_type)
            .body(ByteStream::from(body))
            .customize()
            // TLS protects bodies, and hashing twenty megabytes takes longer than sending them.
            .disable_payload_signing();
        within(LONG, put.send()).await?.map(drop).map_err(unavailable)
    }

    /// Copies an object until a time limit. Returns false when its etag changed.
    pub async fn copy(&self, source: CopySource<'_>, to: &str, served_as: ServedAs<'_>, until: Instant) -> Result<bool> {
        if source.size > self.part_size {
            return self.copy_parts(source, to, served_as, until).await;
        }
        let ServedAs { cache_control, content_disposition, content_type } = served_as;
        let copy = self
            .client
            .copy_object()
            .bucket(&self.name)
            .key(to)
            .copy_source(self.copy_source(source))
            .copy_source_if_match(source.etag)
            .metadata_directive(MetadataDirective::Replace)
            .cache_control(cache_control)
            .content_disposition(content_disposition)
            .content_type(content_type)
            .send();
        if_unchanged(within(LONG, copy).await?).map(|copied| copied.is_some())
    }

    /// Deletes an object; succeeds when it does not exist.
    pub async fn delete(&self, key: &str) -> Result<()> {
        within(SHORT, self.client.delete_object().bucket(&self.name).key(key).send()).await?.map(drop).map_err(unavailable)
    }

    /// Checks that the bucket answers.
    pub async fn probe(&self) -> Result<()> {
        within(SHORT, self.client.head_bucket().bucket(&self.name).send()).await?.map(drop).map_err(unavailable)
    }

    fn copy_source(&self, source: CopySource<'_>) -> String {
        format!("{}/{}", self.name, source.key)
    }
}

impl Validity {
    fn config(self) -> Result<PresigningConfig> {
        let from = UNIX_EPOCH + Duration::from_millis(self.from.0.unsigned_abs());
        PresigningConfig::builder().start_time(from).expires_in(self.length).build().map_err(Error::internal)
    }
}

fn connect(aws: &config::Aws, endpoint: &ServiceEndpoint) -> Client {
    // Buckets stand in the path of another endpoint, and in the host of AWS's own.
    let path_style = !endpoint.is_aws;
    let settings = sdk::settings(aws, http::sdk_client(http::client(CONNECT)), TimeoutConfig::disabled(), endpoint);
    let settings = aws_sdk_s3::config::Builder::from(&settings)
        .force_path_style(path_style)
        // Browsers and other S3 servers know no checksum trailers.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    Client::from_conf(settings.build())
}

/// The outcome of a call that ended within its time limit, which includes all attempts.
async fn within<T, E>(
    limit: Duration,
    call: impl IntoFuture<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<Result<T, SdkError<E, HttpResponse>>> {
    tokio::time::timeout(limit, Box::pin(call.into_future())).await.map_err(Error::unavailable)
}

/// Returns none when the object does not exist or has another etag.
fn if_unchanged<T, E>(answer: Result<T, SdkError<E, HttpResponse>>) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(sdk::status(&error), Some(404 | 412)) => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn unavailable<E>(error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    sdk::unavailable("S3", &error)
}
