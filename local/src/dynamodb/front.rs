//! In front of the server: answers plain reads from the cache, runs plain reads and updates without the server's checks, which serve its error
//! messages, and forwards everything else. What fails here is forwarded, too, so that each error is the server's.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use dynoxide::actions::batch_get_item::{BatchGetItemRequest, KeysAndAttributes};
use dynoxide::auth_material::{self, AuthMaterial};
use dynoxide::{Database, Item};
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::cache::{Cache, Lookup, Scope, Write};
use super::requests::{Reads, changes};

/// The limit of DynamoDB.
const MAX_BODY: usize = 16 << 20;
/// Larger answers are left to the server, which knows what does not fit into one.
const MAX_ANSWER: usize = 8 << 20;
const JSON: &str = "application/x-amz-json-1.0";

pub(super) struct Front {
    database: Database,
    cache: Arc<Cache>,
    /// The server.
    behind: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

type Answer = Response<Either<Full<Bytes>, Incoming>>;

impl Front {
    pub(super) fn new(database: Database, behind: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { database, cache: Arc::default(), behind, client }
    }

    /// A write that may change everything.
    pub(super) fn write_everything(&self) -> Write {
        self.cache.write(Scope::Everything)
    }

    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else { return status(StatusCode::PAYLOAD_TOO_LARGE) };
        let body = body.to_bytes();
        match self.run(&head, &body) {
            Some(json) => answer(json),
            None => self.forward(head, body).await,
        }
    }

    /// The answer to a plain request that succeeds.
    fn run(&self, head: &Parts, body: &Bytes) -> Option<Vec<u8>> {
        let operation = operation(&head.headers).filter(|_| is_plain(head))?;
        let body = std::str::from_utf8(body).ok()?;
        match operation {
            "BatchGetItem" => {
                let reads = Reads::of_batch(body)?;
                let found = self.find(&reads)?;
                let items = found.iter().filter_map(|lookup| if let Lookup::Item(item) = lookup { Some(item) } else { None });
                Some(batch(reads.table, items))
            }
            "GetItem" => match self.find(&Reads::of_item(body)?)?.pop()? {
                Lookup::Item(item) => Some([&br#"{"Item":"#[..], &item, b"}"].concat()),
                Lookup::Absent => Some(b"{}".to_vec()),
                Lookup::Unknown => None,
            },
            "UpdateItem" => {
                let request = serde_json::from_str(body).ok()?;
                let _write = changes(operation, body.as_bytes()).map(|scope| self.cache.write(scope));
                serde_json::to_vec(&self.database.update_item(request).ok()?).ok()
            }
            _ => None,
        }
    }

    /// The items of keys, from the cache or the database.
    fn find(&self, reads: &Reads<'_>) -> Option<Vec<Lookup>> {
        let (mut found, reading) = self.cache.look_up(reads.table, reads.keys.iter().map(|key| key.json));
        let unknown: Vec<_> = (0..found.len()).filter(|at| found[*at] == Lookup::Unknown).collect();
        if !unknown.is_empty() {
            let keys = unknown.iter().map(|at| reads.keys[*at].attribute()).collect();
            let asked = KeysAndAttributes { keys, ..KeysAndAttributes::default() };
            let request_items = [(reads.table.to_owned(), asked)].into();
            let request = BatchGetItemRequest { request_items, ..BatchGetItemRequest::default() };
            let mut answer = self.database.batch_get_item(request).ok()?;
            if !answer.unprocessed_keys.is_empty() {
                return None;
            }
            // In the order of the keys, without those that do not exist.
            let mut items = answer.responses.remove(reads.table).unwrap_or_default().into_iter().peekable();
            for at in &unknown {
                let item = items.next_if(|item| reads.keys[*at].is_of(item));
                found[*at] = item.map_or(Some(Lookup::Absent), |item| json(&item))?;
            }
            if items.next().is_some() {
                return None;
            }
            let read = unknown.iter().map(|at| (reads.keys[*at].json.to_owned(), found[*at].clone()));
            self.cache.keep(reads.table, reading, read);
        }
        let size: usize = found.iter().map(|lookup| if let Lookup::Item(item) = lookup { item.len() } else { 0 }).sum();
        (size <= MAX_ANSWER).then_some(found)
    }

    /// Asks the server.
    async fn forward(self: Arc<Self>, mut head: Parts, body: Bytes) -> Answer {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let Ok(uri) = Uri::try_from(format!("http://{}{path}", self.behind)) else { return status(StatusCode::BAD_REQUEST) };
        head.uri = uri;
        let write = changes(operation(&head.headers).unwrap_or_default(), &body).map(|scope| self.cache.write(scope));
        // A task, because the server carries out what it has got even if the client leaves.
        let asked = tokio::spawn(async move {
            let answer = self.client.request(Request::from_parts(head, Full::new(body))).await;
            drop(write);
            answer
        });
        match asked.await {
            Ok(Ok(answer)) => answer.map(Either::Right),
            _ => status(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

fn operation(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("DynamoDB_20120810.")
}

/// Whether a request has what an SDK sends, and no page sent it.
fn is_plain(head: &Parts) -> bool {
    let headers = &head.headers;
    let material = AuthMaterial {
        authorization: headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()),
        query: head.uri.query().unwrap_or_default(),
        has_date_header: headers.contains_key("x-amz-date") || headers.contains_key(DATE),
    };
    head.method == Method::POST
        && head.uri.path() == "/"
        && headers.get(CONTENT_TYPE).is_some_and(|kind| kind == JSON)
        && !headers.contains_key(ORIGIN)
        && auth_material::validate(material).is_none()
}

fn json(item: &Item) -> Option<Lookup> {
    serde_json::to_vec(item).ok().map(|json| Lookup::Item(json.into()))
}

fn batch<'a>(table: &str, items: impl Iterator<Item = &'a Bytes> + Clone) -> Vec<u8> {
    let size: usize = items.clone().map(|item| item.len() + 1).sum();
    let mut json = Vec::with_capacity(size + table.len() + 64);
    // A name of a table has no letter that JSON escapes.
    json.extend_from_slice(br#"{"Responses":{""#);
    json.extend_from_slice(table.as_bytes());
    json.extend_from_slice(br#"":["#);
    for (number, item) in items.enumerate() {
        if number > 0 {
            json.push(b',');
        }
        json.extend_from_slice(item);
    }
    json.extend_from_slice(br#"]},"UnprocessedKeys":{}}"#);
    json
}

fn answer(json: Vec<u8>) -> Answer {
    let checksum = crc32fast::hash(&json);
    let mut response = Response::new(Either::Left(Full::new(json.into())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert("x-amz-crc32", checksum.into());
    if let Ok(id) = HeaderValue::from_str(&format!("{:032X}{:020X}", fastrand::u128(..), fastrand::u64(..))) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn status(status: StatusCode) -> Answer {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    response
}
