//! An S3 bucket with the function's role: a few signed calls and presigned URLs. The S3 SDK would be larger than the whole function.

use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};

use super::multipart::{CopySource, Timing, succeeded};
use crate::config;
use crate::error::{Error, Result};
use crate::push::http::{self as pool, Client};
use crate::time::Timestamp;

const CONNECT: Duration = Duration::from_secs(1);
/// Time limit of calls without a large body.
pub(super) const SHORT: Duration = Duration::from_secs(2);
/// Time limit of calls with a large body, and of copying one part.
const LONG: Duration = Duration::from_secs(6);
/// Responses other than objects are small.
pub(super) const MAX_ANSWER: usize = 64 * 1024;

/// Larger objects are copied in parts of this size. S3 copies one in about a second.
const PART: u64 = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Bucket {
    /// The URL without a trailing slash.
    url: String,
    region: String,
    credentials: Credentials,
    http: OnceLock<Client>,
    part: u64,
}

/// Size and version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) size: u64,
    /// Changes with every PUT.
    pub(super) etag: String,
}

pub(super) type Headers<'a> = &'a [(&'static str, &'a str)];

impl Bucket {
    /// Opens no connection before the first call.
    pub(super) fn new(aws: &config::Aws, name: &str) -> Self {
        Self::at(aws, config::bucket_url(name, &aws.region))
    }

    /// Uses a bucket at a known URL.
    pub(super) fn at(aws: &config::Aws, url: String) -> Self {
        let token = aws.session_token.as_ref().map(|token| token.expose().to_owned());
        let credentials = Credentials::new(&aws.access_key_id, aws.secret_access_key.expose(), token, None, "environment");
        Self { url, region: aws.region.clone(), credentials, http: OnceLock::new(), part: PART }
    }

    /// Sets the part size of copies.
    pub(super) fn with_part_size(self, part: u64) -> Self {
        Self { part, ..self }
    }

    /// Returns a presigned URL for a request with these headers.
    pub(super) fn presigned(
        &self,
        method: &Method,
        key: &str,
        headers: Headers<'_>,
        (now, life): (Timestamp, Duration),
    ) -> Result<String> {
        let url = self.object(key);
        let mut request = Request::builder().method(method).uri(&url).body(()).map_err(Error::internal)?;
        let mut settings = signing_settings();
        (settings.signature_location, settings.expires_in) = (SignatureLocation::QueryParams, Some(life));
        self.sign(&mut request, headers, (settings, now))?;
        Ok(request.uri().to_string())
    }

    /// Returns size and etag of an object if it exists.
    pub(super) async fn head(&self, key: &str, now: Timestamp) -> Result<Option<Head>> {
        let answer = self.call((Method::HEAD, key), &[], Bytes::new(), (now, SHORT, 0)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let headers = ensure_success(answer)?.into_parts().0.headers;
        let size = text(&headers, &header::CONTENT_LENGTH).and_then(|size| size.parse().ok());
        match size.zip(text(&headers, &header::ETAG)) {
            Some((size, etag)) => Ok(Some(Head { size, etag: etag.to_owned() })),
            None => Err(Error::internal("S3 returned no size or no etag")),
        }
    }

    /// Reads the first bytes of an object. Returns none when its etag changed.
    pub(super) async fn get(&self, key: &str, etag: &str, first: u64, now: Timestamp) -> Result<Option<Bytes>> {
        let range = format!("bytes=0-{}", first.saturating_sub(1));
        let headers = [("if-match", etag), ("range", &range)];
        let most = usize::try_from(first).unwrap_or(usize::MAX);
        let answer = self.call((Method::GET, key), &headers, Bytes::new(), (now, LONG, most)).await?;
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::PRECONDITION_FAILED => Ok(None),
            _ => Ok(Some(ensure_success(answer)?.into_body())),
        }
    }

    pub(super) async fn put(&self, key: &str, headers: Headers<'_>, body: Bytes, now: Timestamp) -> Result<()> {
        ensure_success(self.call((Method::PUT, key), headers, body, (now, LONG, MAX_ANSWER)).await?).map(drop)
    }

    /// Copies an object. Returns false when its etag changed.
    pub(super) async fn copy(&self, source: CopySource<'_>, to: &str, headers: Headers<'_>, timing: Timing) -> Result<bool> {
        if source.size > self.part {
            return self.copy_parts(source, to, headers, (self.part, timing)).await;
        }
        // The local cloud has bucket names in the path, AWS in the host; the copy source always names bucket and key.
        let from = format!("/{}/{}", self.name(), source.key);
        let mut all = vec![
            ("x-amz-copy-source", from.as_str()),
            ("x-amz-copy-source-if-match", source.etag),
            ("x-amz-metadata-directive", "REPLACE"),
        ];
        all.extend(headers);
        let answer = self.call((Method::PUT, to), &all, Bytes::new(), (timing.now, LONG, MAX_ANSWER)).await?;
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::PRECONDITION_FAILED => Ok(false),
            _ => succeeded(&ensure_success(answer)?).map(|()| true),
        }
    }

    /// Deletes an object; succeeds when it does not exist.
    pub(super) async fn delete(&self, key: &str, now: Timestamp) -> Result<()> {
        ensure_success(self.call((Method::DELETE, key), &[], Bytes::new(), (now, SHORT, MAX_ANSWER)).await?).map(drop)
    }

    /// Checks that the bucket answers.
    pub(super) async fn probe(&self, now: Timestamp) -> Result<()> {
        ensure_success(self.call((Method::HEAD, ""), &[], Bytes::new(), (now, SHORT, 0)).await?).map(drop)
    }

    pub(super) async fn call(
        &self,
        (method, key): (Method, &str),
        headers: Headers<'_>,
        body: Bytes,
        (now, within, most): (Timestamp, Duration, usize),
    ) -> Result<Response<Bytes>> {
        let mut request =
            Request::builder().method(method).uri(self.object(key)).body(Full::new(body)).map_err(Error::internal)?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().map_err(Error::internal)?);
        }
        self.sign(&mut request, headers, (signing_settings(), now))?;
        let http = self.http.get_or_init(|| pool::client(CONNECT));
        let exchange = async {
            let (parts, body) = http.request(request).await.map_err(Error::unavailable)?.into_parts();
            let bytes = Limited::new(body, most.max(MAX_ANSWER)).collect().await.map_err(Error::unavailable)?.to_bytes();
            Ok(Response::from_parts(parts, bytes))
        };
        tokio::time::timeout(within, exchange).await.map_err(Error::unavailable)?
    }

    /// Bodies are unsigned: TLS protects them, and hashing twenty megabytes takes longer than sending them.
    fn sign<B>(
        &self,
        request: &mut Request<B>,
        headers: Headers<'_>,
        (settings, now): (SigningSettings, Timestamp),
    ) -> Result<()> {
        let identity = Identity::from(self.credentials.clone());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(UNIX_EPOCH + Duration::from_millis(now.0.unsigned_abs()))
            .settings(settings)
            .build()
            .map_err(Error::internal)?
            .into();
        let (method, url) = (request.method().as_str().to_owned(), request.uri().to_string());
        let signable = SignableRequest::new(&method, &url, headers.iter().copied(), SignableBody::UnsignedPayload)
            .map_err(Error::internal)?;
        let (instructions, _) = sign(signable, &params).map_err(Error::internal)?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }

    fn object(&self, key: &str) -> String {
        if key.is_empty() { self.url.clone() } else { format!("{}/{key}", self.url) }
    }

    /// The bucket's name: the first label of the host on AWS, else the last segment of the path.
    pub(super) fn name(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split_once('/').map_or_else(|| rest.split(".s3.").next().unwrap_or_default(), |(_, name)| name)
    }
}

/// S3 signs the path without further encoding, and a header declares the body unsigned.
fn signing_settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings
}

/// Returns a successful response. A refusal by S3 is a matter of configuration or availability, never of the caller.
pub(super) fn ensure_success(answer: Response<Bytes>) -> Result<Response<Bytes>> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let code = String::from_utf8_lossy(answer.body());
    let code = code.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    Err(Error::unavailable(format!("S3 answered {} {code}", answer.status().as_u16())))
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
