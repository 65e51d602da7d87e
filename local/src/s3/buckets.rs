//! Creates the template's buckets at an external S3, with the CORS rules for uploads. Requests are signed properly, because a real S3 verifies them.

use std::fmt::Write as _;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;

use crate::stack::Bucket;
use crate::{aws_request, credentials};

/// Creates missing buckets and sets their CORS rules if the service supports them.
pub(crate) async fn create(endpoint: &str, region: &str, buckets: impl IntoIterator<Item = &Bucket>) -> Result<(), String> {
    for bucket in buckets {
        let made = put(endpoint, region, &format!("/{}", bucket.name), String::new()).await?;
        // 409: the bucket exists already.
        if !matches!(made.status, 200 | 204 | 409) {
            let reason = String::from_utf8_lossy(&made.body).into_owned();
            return Err(format!(
                "{endpoint} did not create the bucket {}: {} {reason}. It must accept the access key {} with the secret {}",
                bucket.name,
                made.status,
                credentials::ACCESS_KEY,
                credentials::SECRET_KEY
            ));
        }
        let rules = cors(&bucket.cors_rules);
        if rules.is_empty() {
            continue;
        }
        let answered = put(endpoint, region, &format!("/{}?cors=", bucket.name), rules).await?;
        if !matches!(answered.status, 200 | 204) {
            tracing::warn!(
                bucket.name,
                status = answered.status,
                "this S3 does not support CORS rules; uploads from web pages may fail"
            );
        }
    }
    Ok(())
}

async fn put(endpoint: &str, region: &str, path: &str, body: String) -> Result<aws_request::ServiceResponse, String> {
    let request =
        signed(&Method::PUT, endpoint, (region, path), body.as_bytes()).map_err(|error| format!("{endpoint}: {error}"))?;
    aws_request::exchange(endpoint, request, Bytes::from(body))
        .await
        .map_err(|error| format!("S3: {error}; check AWS_ENDPOINT_URL_S3"))
}

/// Builds a signed S3 request.
pub(super) fn signed(
    method: &Method,
    endpoint: &str,
    (region, path): (&str, &str),
    body: &[u8],
) -> Result<http::request::Builder, String> {
    let unsigned = |error: &dyn std::fmt::Display| error.to_string();
    let identity = Credentials::new(credentials::ACCESS_KEY, credentials::SECRET_KEY, None, None, "local").into();
    let mut settings = SigningSettings::default();
    // S3 requires the hash of the body.
    settings.payload_checksum_kind = aws_sigv4::http_request::PayloadChecksumKind::XAmzSha256;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|error| unsigned(&error))?
        .into();
    let url = format!("{endpoint}{path}");
    let signable = SignableRequest::new(method.as_str(), &url, std::iter::empty(), SignableBody::Bytes(body))
        .map_err(|error| unsigned(&error))?;
    let (instructions, _) = sign(signable, &params).map_err(|error| unsigned(&error))?.into_parts();
    let headers = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let request = Request::builder().method(method).uri(path);
    Ok(headers.fold(request, |request, (name, value)| request.header(name, value)))
}

/// The template's CORS rules as XML; empty without rules.
fn cors(rules: &Value) -> String {
    const MEMBERS: [(&str, &str); 4] = [
        ("AllowedOrigins", "AllowedOrigin"),
        ("AllowedMethods", "AllowedMethod"),
        ("AllowedHeaders", "AllowedHeader"),
        ("ExposedHeaders", "ExposeHeader"),
    ];
    let mut text = String::new();
    for rule in rules.as_array().into_iter().flatten() {
        text.push_str("<CORSRule>");
        for (member, element) in MEMBERS {
            for value in rule[member].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let value = value.replace('&', "&amp;").replace('<', "&lt;");
                let _ = write!(text, "<{element}>{value}</{element}>");
            }
        }
        if let Some(age) = rule["MaxAge"].as_u64() {
            let _ = write!(text, "<MaxAgeSeconds>{age}</MaxAgeSeconds>");
        }
        text.push_str("</CORSRule>");
    }
    if text.is_empty() { text } else { format!("<CORSConfiguration>{text}</CORSConfiguration>") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_become_the_document_of_s3() {
        let rules =
            json!([{ "AllowedOrigins": ["*"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["*"], "MaxAge": 600 }]);
        assert_eq!(
            cors(&rules),
            "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
             <AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>\
             </CORSConfiguration>"
        );
        assert_eq!(cors(&Value::Null), "");
    }
}
