//! HTTP/2: posts at once on one connection, every other request as over HTTP/1.1, and peers that misbehave.

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use local::gateway::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::{SIGNATURE, request};
use crate::connections_api::joined;
use crate::fixture::{Behavior, Fixture, friendly, ok};
use crate::tls;

const PATIENCE: Duration = Duration::from_secs(5);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection and the task that drives it.
struct Peer {
    requests: SendRequest<Bytes>,
    driving: JoinHandle<Result<(), h2::Error>>,
}

impl Peer {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        Self { requests, driving: tokio::spawn(connection) }
    }

    async fn cleartext(fixture: &Fixture) -> Self {
        Self::over(TcpStream::connect(fixture.address).await.unwrap()).await
    }

    async fn tls(fixture: &Fixture) -> Self {
        let connector = tls::connector(Some(&fixture.authority), &["h2"]);
        Self::over(tls::connect(fixture.address, "localhost", &connector).await.unwrap()).await
    }

    /// Sends a request whose answer is awaited later.
    async fn send(&mut self, request: Request<()>, body: impl Into<Bytes>) -> ResponseFuture {
        let body = body.into();
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (response, mut stream) = requests.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.send_data(body, true).unwrap();
        }
        response
    }

    async fn call(&mut self, request: Request<()>, body: impl Into<Bytes>) -> (u16, http::HeaderMap, Bytes) {
        answer(self.send(request, body).await).await
    }
}

async fn answer(response: ResponseFuture) -> (u16, http::HeaderMap, Bytes) {
    let response = timeout(PATIENCE, response).await.expect("no answer").unwrap();
    let (head, mut body) = response.into_parts();
    let mut whole = Vec::new();
    while let Some(chunk) = timeout(PATIENCE, body.data()).await.expect("no body") {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            // The whole answer is here, and the rest of the request is not wanted.
            Err(error) if error.reason() == Some(h2::Reason::NO_ERROR) => break,
            Err(error) => panic!("{error}"),
        };
        body.flow_control().release_capacity(chunk.len()).unwrap();
        whole.extend_from_slice(&chunk);
    }
    (head.status.as_u16(), head.headers, whole.into())
}

fn builder(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("https://localhost:8081{path}"))
}

fn signed(method: &str, path: &str) -> Request<()> {
    let (name, value) = SIGNATURE.split_once(": ").unwrap();
    builder(method, path).header(name, value).body(()).unwrap()
}

fn post(id: &str) -> Request<()> {
    signed("POST", &format!("/ws/@connections/{}", id.replace('=', "%3D")))
}

#[tokio::test]
async fn posts_at_once_on_one_connection_arrive_in_order() {
    for is_tls in [true, false] {
        let mut fixture = Fixture::start(friendly).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(joined(&mut fixture).await);
        }
        let mut peer = if is_tls { Peer::tls(&fixture).await } else { Peer::cleartext(&fixture).await };
        let mut responses = Vec::new();
        for number in 0..60 {
            responses.push(peer.send(post(&clients[number % 3].1), number.to_string()).await);
        }
        for response in responses {
            let (status, _, body) = answer(response).await;
            assert_eq!((status, body.len()), (200, 0));
        }
        for number in 0..60 {
            assert_eq!(clients[number % 3].0.text().await, number.to_string());
        }
        let stats = fixture.gateway.stats();
        assert_eq!((stats.posts, stats.frames_sent, stats.accepted), (60, 60, 4));
        assert_eq!(stats.tls_handshakes, u64::from(is_tls));
    }
}

#[tokio::test]
async fn refusals_are_those_of_http_1() {
    let limits = Limits { grace: Duration::from_millis(300), ..Limits::default() };
    let mut fixture = Fixture::with(limits, friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    let mut peer = Peer::tls(&fixture).await;
    let path = format!("/ws/@connections/{id}");
    let (name, value) = SIGNATURE.split_once(": ").unwrap();
    let foreign = Request::post(format!("https://evil.example.com{path}")).header(name, value).body(()).unwrap();
    let two_names = builder("POST", &path).header(name, value).header("host", "evil.example.com").body(()).unwrap();
    let large_head = builder("POST", &path).header(name, value).header("x-large", "a".repeat(11_000)).body(()).unwrap();
    for (request, body, status, kind) in [
        (post("AAAAAAAAAAAAAAA="), vec![b'x'], 410, "GoneException"),
        (builder("POST", &path).body(()).unwrap(), vec![b'x'], 403, "ForbiddenException"),
        (foreign, vec![b'x'], 403, "ForbiddenException"),
        (two_names, vec![b'x'], 400, ""),
        (large_head, vec![b'x'], 431, ""),
        (signed("POST", &format!("/other/@connections/{id}")), vec![b'x'], 403, "ForbiddenException"),
        (signed("PUT", &path), vec![b'x'], 403, "ForbiddenException"),
        (post(&id), vec![b'a'; (128 << 10) + 1], 413, "PayloadTooLargeException"),
        (post(&id), vec![b'a'; 300 << 10], 413, "PayloadTooLargeException"),
        (post(&id), vec![0xff], 400, "BadRequestException"),
    ] {
        let told = format!("{} {}", request.method(), request.uri());
        let (found, headers, body) = peer.call(request, body).await;
        assert_eq!(found, status, "{told}");
        assert_eq!(headers.get("x-amzn-errortype").map_or("", |kind| kind.to_str().unwrap()), kind, "{told}");
        assert!(serde_json::from_slice::<Value>(&body).unwrap()["message"].is_string());
    }
    let encoded = signed("POST", &format!("/ws/%40connections/{}", id.replace('=', "%3d")));
    assert_eq!(peer.call(encoded, "still here").await.0, 200);
    assert_eq!(client.text().await, "still here");
    assert_eq!(peer.call(signed("GET", &path), "").await.0, 200);
    assert_eq!(peer.call(signed("DELETE", &path), "").await.0, 204);
    assert_eq!(client.closed().await.0, 1000);
}

#[tokio::test]
async fn functions_get_what_they_get_over_http_1() {
    let large = "b".repeat(1 << 20);
    let body = large.clone();
    let mut fixture = Fixture::start(move |function, _| match function {
        "Rooms" => {
            Behavior::Answer(json!({ "statusCode": 201, "headers": { "x-total": "1", "connection": "close" }, "body": body }))
        }
        _ => ok(),
    })
    .await;
    let mut peer = Peer::tls(&fixture).await;
    let request = builder("POST", "/api/rooms?a=1").header("content-type", "text/plain").body(()).unwrap();
    let sent = "a".repeat(700 << 10);
    let (status, headers, body) = peer.call(request, sent.clone()).await;
    assert_eq!((status, headers["x-total"].to_str().unwrap(), body.len()), (201, "1", large.len()));
    assert_eq!(headers["content-length"], large.len().to_string());
    let event = fixture.event("Rooms").await;
    assert_eq!(event["body"], sent);
    assert_eq!((event["rawPath"].as_str(), event["rawQueryString"].as_str()), (Some("/api/rooms"), Some("a=1")));
    assert_eq!(event["headers"]["host"], "localhost:8081");
    assert_eq!(peer.call(builder("GET", "/none").body(()).unwrap(), "").await.0, 404);
    // A socket needs HTTP/1.1, and its refusal has no header that HTTP/2 forbids.
    assert_eq!(peer.call(builder("GET", "/ws").body(()).unwrap(), "").await.0, 426);
}

#[tokio::test]
async fn bodies_in_pieces_are_whole_and_those_without_an_end_are_given_up() {
    let limits = Limits { arrival: Duration::from_secs(1), grace: Duration::from_millis(100), ..Limits::default() };
    let mut fixture = Fixture::with(limits, friendly).await;
    let (mut client, id) = joined(&mut fixture).await;
    let mut peer = Peer::cleartext(&fixture).await;
    let (response, mut stream) = peer.requests.send_request(post(&id), false).unwrap();
    for piece in ["one ", "two ", "three"] {
        tokio::time::sleep(Duration::from_millis(30)).await;
        stream.send_data(piece.into(), piece == "three").unwrap();
    }
    assert_eq!(answer(response).await.0, 200);
    assert_eq!(client.text().await, "one two three");
    let (response, mut stream) = peer.requests.send_request(post(&id), false).unwrap();
    stream.send_data("never".into(), false).unwrap();
    assert_eq!(answer(response).await.0, 408);
    // Nothing more is asked: the gateway ends the connection.
    drop(stream);
    drop(timeout(PATIENCE, peer.driving).await.expect("the connection stays").unwrap());
    drop(peer.requests);
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once() {
    let fixture = Fixture::start(friendly).await;
    let mut peer = Peer::tls(&fixture).await;
    assert_eq!(peer.call(builder("GET", "/none").body(()).unwrap(), "").await.0, 404);
    let silent = TcpStream::connect(fixture.address).await.unwrap();
    let began = Instant::now();
    fixture.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(timeout(PATIENCE, peer.driving).await.expect("the connection stays").unwrap());
    drop(silent);
}

const GOAWAY: u8 = 7;

/// The types of the frames in these bytes.
fn frame_types(mut bytes: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let Some(&[high, middle, low, kind, ..]) = bytes.first_chunk::<9>() {
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        types.push(kind);
        bytes = bytes.get(9 + length..).unwrap_or_default();
    }
    types
}

#[tokio::test]
async fn peers_that_break_the_protocol_are_told_so_and_nobody_else_notices() {
    let limits = Limits { arrival: Duration::from_millis(300), grace: Duration::from_millis(100), ..Limits::default() };
    let mut fixture = Fixture::with(limits, friendly).await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // Frames: a length that is too large, DATA of no stream, HEADERS that are no HPACK, HEADERS without an end.
    let too_large = [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1];
    let lost_data = [0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
    let no_hpack = [0, 0, 2, 1, 5, 0, 0, 0, 1, 0xff, 0xff];
    let endless = [0, 0, 0, 1, 0, 0, 0, 0, 1];
    for (name, begin) in [
        ("half a preface", PREFACE[..10].to_vec()),
        ("nothing after the preface", PREFACE.to_vec()),
        ("a wrong preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec()),
        ("no settings", [PREFACE, b"GET / HTTP/1.1\r\n\r\n"].concat()),
        ("a frame that is too large", [PREFACE, &settings, &too_large].concat()),
        ("data of no stream", [PREFACE, &settings, &lost_data].concat()),
        ("no HPACK", [PREFACE, &settings, &no_hpack].concat()),
        ("headers without an end", [PREFACE, &settings, &endless].concat()),
    ] {
        let mut tcp = TcpStream::connect(fixture.address).await.unwrap();
        let began = Instant::now();
        tcp.write_all(&begin).await.unwrap();
        let mut told = Vec::new();
        let ended = timeout(PATIENCE, tcp.read_to_end(&mut told)).await;
        assert!(ended.is_ok(), "the gateway keeps: {name}");
        if begin.len() > PREFACE.len() + settings.len() && !name.contains("without an end") {
            assert!(frame_types(&told).contains(&GOAWAY), "{name}: {told:?}");
            assert!(began.elapsed() < Duration::from_millis(250), "{name}: {:?}", began.elapsed());
        }
    }
    assert_eq!(request(fixture.address, "GET", "/none", &[], "").await.status, 404);
    let (mut client, id) = joined(&mut fixture).await;
    let mut peer = Peer::cleartext(&fixture).await;
    // Streams that are reset as soon as they are opened, up to where the gateway has enough of it.
    for _ in 0..50 {
        let Ok((response, mut stream)) = peer.requests.send_request(post(&id), false) else { break };
        stream.send_reset(h2::Reason::CANCEL);
        drop(response);
        tokio::task::yield_now().await;
    }
    let mut peer = Peer::tls(&fixture).await;
    assert_eq!(peer.call(post(&id), "fine").await.0, 200);
    assert_eq!(client.text().await, "fine");
}
