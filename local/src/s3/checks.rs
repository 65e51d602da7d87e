//! S3 checks that the folder-based implementation lacks: unsafe names, and conditions of reads and of part copies.

use std::path::Path;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use s3s::Body;
use s3s::service::S3Service;

use super::{buckets, refused};

/// Refuses names that cannot be stored in a folder, although S3 accepts some of them, and objects in missing buckets.
pub(super) fn refuse_unsafe_name(request: &Request<impl Sized>, folder: &Path) -> Option<Response<Body>> {
    let own = request.uri().path();
    let own = own.strip_prefix('/').unwrap_or(own);
    let source = request.headers().get("x-amz-copy-source").map(|source| String::from_utf8_lossy(source.as_bytes()));
    let source = source.as_deref().map(|source| source.strip_prefix('/').unwrap_or(source));
    if !is_name(own) || !source.is_none_or(is_name) {
        let reason = "This S3 stores objects in a folder: a key must not contain empty, . or .. segments";
        return Some(refused(StatusCode::BAD_REQUEST, "InvalidURI", reason));
    }
    let (bucket, key) = own.split_once('/')?;
    let missing = !key.is_empty() && !folder.join(bucket).is_dir();
    missing.then(|| refused(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist"))
}

/// A bucket, or a bucket and a key, of which only the last segment may be empty.
fn is_name(path: &str) -> bool {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or_default();
    let leads_out = |part: &str| matches!(part, "." | "..") || part.contains('\0');
    !leads_out(last) && parts.all(|part| !part.is_empty() && !leads_out(part))
}

/// `If-Match` of a read; the implementation itself checks it for other requests.
pub(super) fn if_match_header(method: &Method, headers: &HeaderMap) -> Option<String> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    headers.get(header::IF_MATCH).filter(|_| reads).and_then(|etag| etag.to_str().ok()).map(str::to_owned)
}

/// The response, or 412 if the object's etag differs.
pub(super) fn check_if_match(response: Response<Body>, expected: Option<&str>) -> Response<Body> {
    let etag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok());
    match expected.zip(etag) {
        Some((expected, etag))
            if response.status().is_success() && expected != "*" && expected.trim_matches('"') != etag.trim_matches('"') =>
        {
            precondition_failed()
        }
        _ => response,
    }
}

/// The source of a part copy and its required etag.
pub(super) struct CopySource {
    path: String,
    etag: String,
}

/// The source of a conditional part copy. The implementation itself checks conditions of whole copies.
pub(super) fn conditional_copy_source(request: &Request<impl Sized>) -> Option<CopySource> {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_part = request.uri().query().is_some_and(|query| query.contains("partNumber="));
    let (source, etag) = header("x-amz-copy-source").zip(header("x-amz-copy-source-if-match")).filter(|_| is_part)?;
    Some(CopySource { path: format!("/{}", source.trim_start_matches('/')), etag: etag.to_owned() })
}

/// Refuses a part copy whose source has changed.
pub(super) async fn check_copy_source(service: &S3Service, source: CopySource) -> Option<Response<Body>> {
    const HOST: &str = "localhost";
    let head = buckets::signed(&Method::HEAD, &format!("http://{HOST}"), "us-east-1", &source.path, b"").ok()?;
    let head = head.header(header::HOST, HOST).body(Body::empty()).ok()?;
    let found = service.call(head).await.ok()?;
    (check_if_match(found, Some(&source.etag)).status() == StatusCode::PRECONDITION_FAILED).then(precondition_failed)
}

fn precondition_failed() -> Response<Body> {
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
