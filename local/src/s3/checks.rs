//! What S3 looks at in a request and the folder behind this one does not: names that lead elsewhere, and conditions of reading and of copying parts.

use std::path::Path;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use s3s::{Body, service::S3Service};

use super::{buckets, refused};

/// The refusal of names that are no names in a folder, some of which S3 would take, as it knows no folders; and of objects in a bucket that is
/// not there.
pub(super) fn names(request: &Request<impl Sized>, folder: &Path) -> Option<Response<Body>> {
    let own = request.uri().path();
    let own = own.strip_prefix('/').unwrap_or(own);
    let source = request.headers().get("x-amz-copy-source").map(|source| String::from_utf8_lossy(source.as_bytes()));
    let source = source.as_deref().map(|source| source.strip_prefix('/').unwrap_or(source));
    if !is_name(own) || !source.is_none_or(is_name) {
        let reason = "This S3 keeps objects in a folder: a key has no part that is empty, . or ..";
        return Some(refused(StatusCode::BAD_REQUEST, "InvalidURI", reason));
    }
    let (bucket, key) = own.split_once('/')?;
    let missing = !key.is_empty() && !folder.join(bucket).is_dir();
    missing.then(|| refused(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist"))
}

/// A bucket, or a bucket and a key, of which only the last part may be empty.
fn is_name(path: &str) -> bool {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or_default();
    let leads_out = |part: &str| matches!(part, "." | "..") || part.contains('\0');
    !leads_out(last) && parts.all(|part| !part.is_empty() && !leads_out(part))
}

/// `If-Match` of a request that reads; none for another one, which the folder looks at itself.
pub(super) fn condition(method: &Method, headers: &HeaderMap) -> Option<String> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    headers.get(header::IF_MATCH).filter(|_| reads).and_then(|etag| etag.to_str().ok()).map(str::to_owned)
}

/// The answer, or 412 if it is of another object than the one that was meant.
pub(super) fn matching(response: Response<Body>, wanted: Option<&str>) -> Response<Body> {
    let etag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok());
    match wanted.zip(etag) {
        Some((wanted, etag))
            if response.status().is_success() && wanted != "*" && wanted.trim_matches('"') != etag.trim_matches('"') =>
        {
            unmet()
        }
        _ => response,
    }
}

/// Where a part is copied from, and the etag that its source must still have.
pub(super) struct Source {
    path: String,
    etag: String,
}

/// The source of a part under a condition. That of a whole copy the folder looks at itself.
pub(super) fn source(request: &Request<impl Sized>) -> Option<Source> {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_part = request.uri().query().is_some_and(|query| query.contains("partNumber="));
    let (source, etag) = header("x-amz-copy-source").zip(header("x-amz-copy-source-if-match")).filter(|_| is_part)?;
    Some(Source { path: format!("/{}", source.trim_start_matches('/')), etag: etag.to_owned() })
}

/// The refusal of a part whose source is another object by now.
pub(super) async fn changed(service: &S3Service, source: Source) -> Option<Response<Body>> {
    const HOST: &str = "localhost";
    let head = buckets::signed(&Method::HEAD, &format!("http://{HOST}"), ("us-east-1", &source.path), b"").ok()?;
    let head = head.header(header::HOST, HOST).body(Body::empty()).ok()?;
    let found = service.call(head).await.ok()?;
    (matching(found, Some(&source.etag)).status() == StatusCode::PRECONDITION_FAILED).then(unmet)
}

fn unmet() -> Response<Body> {
    refused(
        StatusCode::PRECONDITION_FAILED,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn only_names_in_a_folder_are_names() {
        for good in [
            "",
            "bucket",
            "bucket/",
            "bucket/a",
            "bucket/a/b.txt",
            "bucket/a/",
            "bucket/..a",
            "bucket/a%20b",
            "bucket/%252e%252e",
        ] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "..",
            "bucket/..",
            "bucket/../other",
            "bucket/%2e%2E/other",
            "bucket/a%2f..%2fb",
            "bucket/./a",
            "bucket//a",
            "bucket/a//b",
            "bucket/a%00",
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
