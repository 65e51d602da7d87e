//! An HTTP API client like a frontend's: requests in, status and JSON out.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value, json};

use crate::log_lines::{confide, entrusted};

/// The HTTP API at a URL.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// A header of a request: name and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a>(pub(crate) &'a str, pub(crate) &'a str);

/// The header of JSON bodies.
pub(crate) const JSON: Header<'static> = Header("content-type", "application/json");

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A registered user with an active session.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Uses TLS if the URL requires it.
pub(crate) fn connector() -> HttpsConnector<HttpConnector> {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.enforce_http(false);
    HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(http)
}

impl Api {
    pub(crate) fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), http: Client::builder(TokioExecutor::new()).build(connector()) }
    }

    /// Sends an arbitrary request.
    pub(crate) async fn raw(&self, method: Method, path: &str, headers: &[Header<'_>], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for Header(name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.into();
        confide(&body);
        let request = request.body(Full::new(body)).expect("a request");
        let (parts, body) = self.http.request(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        entrusted(&body);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a body that need not be valid JSON as a user.
    pub(crate) async fn raw_as(&self, who: &Person, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
        self.raw(method, path, &[Header("authorization", &format!("Bearer {}", who.token)), JSON], body).await
    }

    pub(crate) async fn get(&self, path: &str, who: &Person) -> Answer {
        self.raw_as(who, Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, who: &Person, body: Value) -> Answer {
        self.raw_as(who, Method::POST, path, body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str, who: &Person) -> Answer {
        self.raw_as(who, Method::DELETE, path, "").await
    }

    pub(crate) async fn put(&self, path: &str, who: &Person, body: Value) -> Answer {
        self.raw_as(who, Method::PUT, path, body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, who: &Person, body: Value) -> Answer {
        self.raw_as(who, Method::PATCH, path, body.to_string()).await
    }

    pub(crate) async fn get_public(&self, path: &str) -> Answer {
        self.raw(Method::GET, path, &[JSON], "").await
    }

    pub(crate) async fn post_public(&self, path: &str, body: Value) -> Answer {
        self.raw(Method::POST, path, &[JSON], body.to_string()).await
    }

    /// Registers a new user with a numbered name, so that tests can share a backend.
    pub(crate) async fn person(&self, name: &str) -> Person {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let answer = self.post_public("/api/auth/register", json!({ "username": name, "password": PASSWORD })).await;
        Person::of(&answer.is(201))
    }

    /// Creates a group of these users, owned by the first.
    pub(crate) async fn group(&self, owner: &Person, others: &[&Person]) -> u64 {
        let ids: Vec<_> = others.iter().map(|person| person.id).collect();
        let room = self.post("/api/rooms", owner, json!({ "name": "Group", "member_ids": ids })).await.is(201);
        room["id"].as_u64().expect("an id")
    }

    /// A new user with this many rooms, each with a long message, and the rooms as `hello` names them. Pauses after each room, to stay within limits.
    pub(crate) async fn person_with_rooms(&self, name: &str, many: usize, pause: Duration) -> (Person, Value) {
        let who = self.person(name).await;
        let mut known = Map::new();
        for _ in 0..many {
            let room = self.group(&who, &[]).await;
            self.post(&format!("/api/rooms/{room}/messages"), &who, json!({ "content": "x".repeat(900) })).await.is(201);
            known.insert(room.to_string(), json!(0));
            tokio::time::sleep(pause).await;
        }
        (who, Value::Object(known))
    }

    /// All messages of a room, in ascending order.
    pub(crate) async fn history(&self, room: u64, who: &Person) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = "0".to_owned();
        loop {
            let page = self.get(&format!("/api/rooms/{room}/messages?after={after}&limit=100"), who).await.is(200);
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            let Some(next) = page["next"].as_str() else { return items };
            next.clone_into(&mut after);
        }
    }
}

impl Person {
    /// The user in a registration or login response.
    pub(crate) fn of(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().expect(name).to_owned();
        Self {
            id: answer["user"]["id"].as_u64().expect("an id"),
            name: answer["user"]["username"].as_str().expect("a name").to_owned(),
            token: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

impl Answer {
    /// The JSON of a response with this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).expect("JSON") }
    }

    /// The content of an error response.
    pub(crate) fn plain(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        format!("{} {} {}", self.status.as_u16(), problem["code"], problem["detail"])
    }

    /// Asserts a complete problem document with this status and code and without internal details.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.is(status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:conchat:problem:{code}"));
        assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        problem
    }
}
