//! The template's buckets at an S3 of somebody else's: made where they are absent, with the rules that let pages upload. A real S3 checks who asks, so
//! these requests are signed in earnest, as the functions sign theirs.

use std::{fmt::Write as _, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;

use crate::{credentials, request, stack::Bucket};

/// Makes the buckets that are absent, and sets their CORS rules where the other side knows them.
pub(crate) async fn create(endpoint: &str, region: &str, buckets: impl IntoIterator<Item = &Bucket>) -> Result<(), String> {
    for bucket in buckets {
        let made = put(endpoint, region, &format!("/{}", bucket.name), String::new()).await?;
        // 409: it is there, and ours.
        if !matches!(made.status, 200 | 204 | 409) {
            let reason = String::from_utf8_lossy(&made.body).into_owned();
            return Err(format!(
                "{endpoint} does not make the bucket {}: {} {reason}. It has to know the access key {} with the secret {}",
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
            tracing::warn!(bucket.name, status = answered.status, "this S3 takes no CORS rules; pages may not be able to upload");
        }
    }
    Ok(())
}

async fn put(endpoint: &str, region: &str, path: &str, body: String) -> Result<request::Answer, String> {
    let request =
        signed(&Method::PUT, endpoint, (region, path), body.as_bytes()).map_err(|error| format!("{endpoint}: {error}"))?;
    request::exchange(endpoint, request, Bytes::from(body))
        .await
        .map_err(|error| format!("S3: {error}; see whether AWS_ENDPOINT_URL_S3 is right"))
}

/// The head of a request of our own, as S3 wants it signed.
pub(super) fn signed(
    method: &Method,
    endpoint: &str,
    (region, path): (&str, &str),
    body: &[u8],
) -> Result<http::request::Builder, String> {
    let unsigned = |error: &dyn std::fmt::Display| error.to_string();
    let identity = Credentials::new(credentials::ACCESS_KEY, credentials::SECRET_KEY, None, None, "local").into();
    let mut settings = SigningSettings::default();
    // S3 wants to see what the body's digest is.
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

/// The template's rules as S3's own document, or nothing where there are none.
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
