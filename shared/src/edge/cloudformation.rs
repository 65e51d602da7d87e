//! Custom resources of CloudFormation: the event, and the response to its URL. An event without a response blocks a deployment for an hour, so every
//! event gets one.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};

use crate::aws::http::https;
use crate::error::{Error, Result};

/// CloudFormation refuses responses above 4 KB in total.
const MAX_REASON: usize = 1024;
const ATTEMPTS: u32 = 3;
/// Bytes of the digest; short enough for the description of a function, which has 256 characters.
const DIGEST_LENGTH: usize = 12;
/// Time limit of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// The event of a custom resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomResourceEvent {
    pub request_type: RequestType,
    /// Where to send the response: a URL for a single PUT.
    #[serde(rename = "ResponseURL")]
    pub response_url: String,
    /// Repeated in the response.
    pub stack_id: String,
    /// Repeated in the response.
    pub request_id: String,
    /// The resource's name in its template; repeated in the response.
    pub logical_resource_id: String,
    /// The id of the created resource; absent from the first request.
    pub physical_resource_id: Option<String>,
    #[serde(default)]
    pub resource_properties: Properties,
    /// The properties before an update.
    #[serde(default)]
    pub old_resource_properties: Properties,
}

impl CustomResourceEvent {
    /// Whether an update targets an older version of the same store. A new store has no version to compare.
    pub fn is_downgrade(&self) -> bool {
        let (now, before) = (&self.resource_properties, &self.old_resource_properties);
        now.store == before.store && now.version().zip(before.version()).is_some_and(|(now, before)| now < before)
    }

    /// Whether the functions that ran until now need no schema as new as this version, as far as is known.
    pub fn comes_from_before(&self, version: i64) -> bool {
        let (now, before) = (&self.resource_properties, &self.old_resource_properties);
        now.store != before.store || before.version().is_none_or(|before| before < version)
    }

    /// Whether the resource stands for what functions are configured with, and asks for nothing but its digest.
    pub fn is_release(&self) -> bool {
        self.resource_properties.inputs.is_some()
    }
}

/// The properties that this project reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Properties {
    version: Option<serde_json::Value>,
    store: Option<String>,
    inputs: Option<serde_json::Value>,
}

impl Properties {
    /// CloudFormation converts numbers to strings.
    fn version(&self) -> Option<i64> {
        match self.version.as_ref()? {
            serde_json::Value::String(text) => text.parse().ok(),
            number => number.as_i64(),
        }
    }

    /// Changes whenever an input does. The keys of a JSON object are sorted here, so their order does not matter.
    fn attributes(&self) -> Option<Attributes> {
        let hash = digest(&SHA256, self.inputs.as_ref()?.to_string().as_bytes());
        Some(Attributes { digest: URL_SAFE_NO_PAD.encode(&hash.as_ref()[..DIGEST_LENGTH]) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    Create,
    Update,
    /// Also sent to roll back a failed creation.
    Delete,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CustomResourceResponse<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Attributes>,
}

/// What a template reads of the resource by `GetAtt`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    digest: String,
}

/// Reports the outcome to CloudFormation; the operator sees an error in the stack's events.
pub async fn respond(event: &CustomResourceEvent, outcome: &Result<(), String>) -> Result<()> {
    let body = Bytes::from(body(event, outcome)?);
    let connector = https().https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    // Without the path and the signature.
    let host = event.response_url.split('/').nth(2).unwrap_or_default();
    let mut attempt = 1;
    loop {
        // The URL's signature covers an empty content type.
        let request = Request::builder()
            .method(Method::PUT)
            .uri(&event.response_url)
            .header(header::CONTENT_TYPE, "")
            .body(Full::new(body.clone()))
            .map_err(|error| Error::invalid("ResponseURL", "invalid", error.to_string()))?;
        let failure: crate::error::BoxedError = match tokio::time::timeout(ATTEMPT_TIMEOUT, client.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => return Ok(()),
            Ok(Ok(response)) => format!("the answer was refused with {}", response.status()).into(),
            Ok(Err(error)) => error.into(),
            Err(late) => late.into(),
        };
        let failure = Error::unavailable(failure).during(format!("answering CloudFormation at {host}"));
        if attempt == ATTEMPTS {
            return Err(failure);
        }
        tracing::warn!(attempt, error = failure.causes(), "CloudFormation was not reached");
        tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
        attempt += 1;
    }
}

fn body(event: &CustomResourceEvent, outcome: &Result<(), String>) -> Result<Vec<u8>> {
    let reason = outcome.as_ref().err().map(|reason| {
        let end = (0..=reason.len().min(MAX_REASON)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or_default();
        &reason[..end]
    });
    serde_json::to_vec(&CustomResourceResponse {
        status: if outcome.is_ok() { "SUCCESS" } else { "FAILED" },
        reason,
        // The id must not change between requests: CloudFormation treats a new id as a replacement and deletes the old resource.
        physical_resource_id: event.physical_resource_id.as_deref().unwrap_or(&event.logical_resource_id),
        stack_id: &event.stack_id,
        request_id: &event.request_id,
        logical_resource_id: &event.logical_resource_id,
        data: event.resource_properties.attributes(),
    })
    .map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn event(physical: Option<&str>) -> CustomResourceEvent {
        let event = serde_json::json!({
            "RequestType": "Update", "ResponseURL": "http://127.0.0.1:1/answer", "StackId": "stack", "RequestId": "request",
            "LogicalResourceId": "Migration", "PhysicalResourceId": physical, "ResourceType": "Custom::Migration",
            "ServiceToken": "arn", "ResourceProperties": {"Version": "3"},
        });
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn an_update_to_a_smaller_version_goes_back() {
        let read = |now: serde_json::Value, before: serde_json::Value| {
            let properties =
                |version| serde_json::from_value(serde_json::json!({"ServiceToken": "arn", "Version": version})).unwrap();
            CustomResourceEvent {
                resource_properties: properties(now),
                old_resource_properties: properties(before),
                ..event(None)
            }
            .is_downgrade()
        };
        assert!(read("9".into(), "13".into()) && read(13.into(), "14".into()));
        assert!(!read("13".into(), "9".into()) && !read("13".into(), "13".into()) && !read("13".into(), "x".into()));
        assert!(!event(None).is_downgrade(), "there was none before");
        let of =
            |version: &str, store: &str| serde_json::from_value(serde_json::json!({"Version": version, "Store": store})).unwrap();
        let moved = |to| CustomResourceEvent {
            resource_properties: of("9", to),
            old_resource_properties: of("13", "one"),
            ..event(None)
        };
        assert!(moved("one").is_downgrade() && !moved("another").is_downgrade());
    }

    /// A server that answers with these statuses in turn; joining it returns the last request.
    fn listener(statuses: &'static [&'static str]) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/answer?signature=x", listener.local_addr().unwrap());
        let played = std::thread::spawn(move || {
            let mut sent = String::new();
            for status in statuses {
                let mut stream = listener.accept().unwrap().0;
                let mut bytes = [0; 4096];
                sent.clear();
                while !sent.ends_with('}') {
                    let read = stream.read(&mut bytes).unwrap();
                    sent += std::str::from_utf8(&bytes[..read]).unwrap();
                }
                write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            }
            sent
        });
        (url, played)
    }

    #[tokio::test]
    async fn a_response_is_retried_until_accepted() {
        let (url, played) = listener(&["503 Slow Down", "200 OK"]);
        let event = CustomResourceEvent { response_url: url, ..event(None) };
        respond(&event, &Ok(())).await.unwrap();
        let sent = played.join().unwrap();
        assert!(sent.starts_with("PUT /answer?signature=x HTTP/1.1\r\n"), "{sent}");
        assert!(sent.contains("\r\ncontent-type: \r\n"), "the URL's signature covers an empty content type: {sent}");
        assert!(sent.contains(r#""Status":"SUCCESS""#), "{sent}");
    }

    #[test]
    fn a_response_repeats_the_ids_and_keeps_the_physical_id() {
        let answer: serde_json::Value = serde_json::from_slice(&body(&event(Some("schema")), &Ok(())).unwrap()).unwrap();
        let expected = serde_json::json!({
            "Status": "SUCCESS", "PhysicalResourceId": "schema", "StackId": "stack", "RequestId": "request", "LogicalResourceId": "Migration",
        });
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_release_answers_with_a_digest_that_changes_with_any_input() {
        let digest = |inputs: serde_json::Value| {
            let properties = serde_json::from_value(serde_json::json!({"ServiceToken": "arn", "Inputs": inputs})).unwrap();
            let event = CustomResourceEvent { resource_properties: properties, ..event(None) };
            assert!(event.is_release());
            let answer: serde_json::Value = serde_json::from_slice(&body(&event, &Ok(())).unwrap()).unwrap();
            answer["Data"]["Digest"].as_str().unwrap().to_owned()
        };
        let first = digest(serde_json::json!([{"RATE_SEND": "30/10", "DOCS": "on"}, "info"]));
        assert_eq!(first.len(), DIGEST_LENGTH * 4 / 3);
        assert_eq!(first, digest(serde_json::json!([{"DOCS": "on", "RATE_SEND": "30/10"}, "info"])));
        assert_ne!(first, digest(serde_json::json!([{"RATE_SEND": "60/10", "DOCS": "on"}, "info"])));
        assert_ne!(first, digest(serde_json::json!([{"RATE_SEND": "30/10", "DOCS": "on"}, "debug"])));
        assert!(!event(None).is_release());
    }

    #[test]
    fn a_failure_reason_fits_the_response_limit() {
        let body = body(&event(None), &Err("ä".repeat(5000))).unwrap();
        assert!(body.len() < 4096, "{}", body.len());
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["Status"], "FAILED");
        assert_eq!(answer["PhysicalResourceId"], "Migration");
        assert_eq!(answer["Reason"].as_str().map(str::len), Some(MAX_REASON));
    }
}
