//! Custom resources of CloudFormation: its event, and the answer that it waits for at a URL. An event without an answer blocks a deployment for an
//! hour, so whoever takes one must send one.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// CloudFormation refuses answers above 4 KB, all fields included.
const MAX_REASON: usize = 1024;
/// How often an answer is sent before it is given up.
const ATTEMPTS: u32 = 3;
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// What CloudFormation wants of a custom resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    /// Create, update or delete.
    pub request_type: RequestType,
    /// Where the answer goes: a URL that is good for one PUT.
    #[serde(rename = "ResponseURL")]
    pub response_url: String,
    /// Names the stack; repeated in the answer.
    pub stack_id: String,
    /// Names the request; repeated in the answer.
    pub request_id: String,
    /// Names the resource in its template; repeated in the answer.
    pub logical_resource_id: String,
    /// Names what was made, except for the first request.
    pub physical_resource_id: Option<String>,
    /// What the template says of it.
    #[serde(default)]
    pub resource_properties: Properties,
    /// Of an update: what the template said before.
    #[serde(default)]
    pub old_resource_properties: Properties,
}

impl Event {
    /// Whether an update asks for an earlier version than there was, of the same store: another one may have none at all.
    pub fn goes_back(&self) -> bool {
        let (now, before) = (&self.resource_properties, &self.old_resource_properties);
        now.store == before.store && now.version().zip(before.version()).is_some_and(|(now, before)| now < before)
    }
}

/// What we read of a resource in a template.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Properties {
    version: Option<serde_json::Value>,
    store: Option<String>,
}

impl Properties {
    /// CloudFormation makes texts of all numbers.
    fn version(&self) -> Option<i64> {
        match self.version.as_ref()? {
            serde_json::Value::String(text) => text.parse().ok(),
            number => number.as_i64(),
        }
    }
}

/// What becomes of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    /// It is new.
    Create,
    /// Its properties changed.
    Update,
    /// It goes, or a failed creation is rolled back.
    Delete,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
}

/// Tells CloudFormation how it went; an error is the reason that an operator reads in the stack's events.
pub async fn answer(event: &Event, outcome: &Result<(), String>) -> Result<()> {
    let body = Bytes::from(body(event, outcome)?);
    let connector = hyper_rustls::HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    let mut attempt = 1;
    loop {
        // The URL's signature covers an empty content type.
        let request = Request::builder()
            .method(Method::PUT)
            .uri(&event.response_url)
            .header(header::CONTENT_TYPE, "")
            .body(Full::new(body.clone()))
            .map_err(|error| Error::invalid("ResponseURL", "invalid", error.to_string()))?;
        let failure: crate::error::Source = match tokio::time::timeout(PATIENCE, client.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => return Ok(()),
            Ok(Ok(response)) => format!("the answer was refused with {}", response.status()).into(),
            Ok(Err(error)) => error.into(),
            Err(late) => late.into(),
        };
        if attempt == ATTEMPTS {
            return Err(Error::unavailable(failure));
        }
        tracing::warn!(attempt, error = %failure, "CloudFormation was not reached");
        tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
        attempt += 1;
    }
}

fn body(event: &Event, outcome: &Result<(), String>) -> Result<Vec<u8>> {
    let reason = outcome.as_ref().err().map(|reason| {
        let end = (0..=reason.len().min(MAX_REASON)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or_default();
        &reason[..end]
    });
    serde_json::to_vec(&Answer {
        status: if outcome.is_ok() { "SUCCESS" } else { "FAILED" },
        reason,
        // The id must not change between requests, or CloudFormation takes it for a replacement and deletes the old one.
        physical_resource_id: event.physical_resource_id.as_deref().unwrap_or(&event.logical_resource_id),
        stack_id: &event.stack_id,
        request_id: &event.request_id,
        logical_resource_id: &event.logical_resource_id,
    })
    .map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn event(physical: Option<&str>) -> Event {
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
            Event { resource_properties: properties(now), old_resource_properties: properties(before), ..event(None) }.goes_back()
        };
        assert!(read("9".into(), "13".into()) && read(13.into(), "14".into()));
        assert!(!read("13".into(), "9".into()) && !read("13".into(), "13".into()) && !read("13".into(), "x".into()));
        assert!(!event(None).goes_back(), "there was none before");
        let of =
            |version: &str, store: &str| serde_json::from_value(serde_json::json!({"Version": version, "Store": store})).unwrap();
        let moved = |to| Event { resource_properties: of("9", to), old_resource_properties: of("13", "one"), ..event(None) };
        assert!(moved("one").goes_back() && !moved("another").goes_back());
    }

    /// Plays the other end: gives these statuses in turn, and what it was sent last.
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
    async fn an_answer_is_put_until_it_is_taken() {
        let (url, played) = listener(&["503 Slow Down", "200 OK"]);
        let event = Event { response_url: url, ..event(None) };
        answer(&event, &Ok(())).await.unwrap();
        let sent = played.join().unwrap();
        assert!(sent.starts_with("PUT /answer?signature=x HTTP/1.1\r\n"), "{sent}");
        assert!(sent.contains("\r\ncontent-type: \r\n"), "the URL's signature covers an empty content type: {sent}");
        assert!(sent.contains(r#""Status":"SUCCESS""#), "{sent}");
    }

    #[test]
    fn an_answer_repeats_who_asked_and_keeps_the_id_of_what_was_made() {
        let answer: serde_json::Value = serde_json::from_slice(&body(&event(Some("schema")), &Ok(())).unwrap()).unwrap();
        let expected = serde_json::json!({
            "Status": "SUCCESS", "PhysicalResourceId": "schema", "StackId": "stack", "RequestId": "request", "LogicalResourceId": "Migration",
        });
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_failure_says_why_within_what_cloudformation_takes() {
        let body = body(&event(None), &Err("ä".repeat(5000))).unwrap();
        assert!(body.len() < 4096, "{}", body.len());
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["Status"], "FAILED");
        assert_eq!(answer["PhysicalResourceId"], "Migration");
        assert_eq!(answer["Reason"].as_str().map(str::len), Some(MAX_REASON));
    }
}
