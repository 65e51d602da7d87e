//! Posts to all sockets of a room over one HTTP/2 connection, against a server that loses connections, refuses or keeps silent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use shared::id::ConnectionId;
use shared::push::connections_api::ConnectionsApi;
use shared::push::posts::{Post, PostOutcome, Posts};
use shared::time::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::backend;

/// How the server treats requests.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers with the status that the socket's name ends with.
    Answers,
    /// Closes its first connection after so many requests, without an answer to the others.
    Loses(usize),
    /// Says nothing on its first connection.
    Silent,
    /// The first two requests for a socket are too many.
    Busy,
}

struct Server {
    api: ConnectionsApi,
    connections: Arc<AtomicU32>,
    /// Answered requests by path.
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let mut tls =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).expect("TLS");
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut authorities = RootCertStore::empty();
        authorities.add(made.cert.der().clone()).expect("an authority");
        let trusting = ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth();
        let (connections, seen) = (Arc::new(AtomicU32::new(0)), Arc::<Mutex<BTreeMap<String, usize>>>::default());
        let (counted, noted) = (Arc::clone(&connections), Arc::clone(&seen));
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(tls));
            while let Ok((stream, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let stream = acceptor.accept(stream).await.expect("a handshake");
                let first_only = matches!(manner, Manner::Loses(_) | Manner::Silent);
                let manner = if number > 0 && first_only { Manner::Answers } else { manner };
                tokio::spawn(serve(stream, manner, Arc::clone(&noted)));
            }
        });
        let api = ConnectionsApi::with_tls(&backend::aws(), format!("https://127.0.0.1:{port}/ws"), move || trusting);
        Self { api, connections, seen }
    }

    /// Posts to sockets of these names. Returns the outcomes.
    async fn post(&self, names: &[String]) -> Vec<Option<PostOutcome>> {
        let ids: Vec<_> = names.iter().map(|name| ConnectionId(name.clone())).collect();
        let mut posts = Posts::new(ids.iter().map(|connection| Post { connection, frame: "{}".into() }).collect());
        self.api.post_all(&mut posts, Timestamp::now()).await;
        posts.outcomes().to_vec()
    }

    fn seen(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(stream: tokio_rustls::server::TlsStream<TcpStream>, manner: Manner, seen: Arc<Mutex<BTreeMap<String, usize>>>) {
    let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
    let (mut count, mut unanswered) = (0, Vec::new());
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        count += 1;
        let path = request.uri().path().to_owned();
        assert!(request.headers().contains_key("authorization") && request.headers().contains_key("x-amz-date"), "{path}");
        match manner {
            Manner::Loses(most) if count > most => return,
            Manner::Silent => {
                unanswered.push(respond);
                continue;
            }
            Manner::Answers if path.contains("silent") => {
                unanswered.push(respond);
                continue;
            }
            _ => {}
        }
        let times = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let times = seen.entry(path.clone()).or_default();
            *times += 1;
            *times
        };
        let status = match manner {
            Manner::Busy if times <= 2 => 429,
            _ => path.rsplit('x').next().and_then(|status| status.parse().ok()).unwrap_or(200),
        };
        let answer = Response::builder().status(StatusCode::from_u16(status).expect("a status")).body(()).expect("an answer");
        respond.send_response(answer, false).and_then(|mut body| body.send_data(Bytes::from_static(b"x"), true)).expect("sent");
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("s{number}=")).collect()
}

#[tokio::test]
async fn all_posts_share_one_connection_whatever_their_number() {
    let server = Server::start(Manner::Answers).await;
    for count in [1, 60, 500] {
        assert_eq!(server.post(&names(count)).await, vec![Some(PostOutcome::Accepted); count]);
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    let seen = server.seen();
    assert_eq!((seen.len(), seen["/ws/@connections/s0%3D"]), (500, 3), "each once per broadcast");
}

#[tokio::test]
async fn each_answer_is_an_outcome_of_its_own_socket() {
    let server = Server::start(Manner::Answers).await;
    let names = ["ax200", "bx410", "cx400", "dx500", "ex403", "fx204"].map(str::to_owned);
    let [accepted, gone, failed] = [PostOutcome::Accepted, PostOutcome::Gone, PostOutcome::Failed].map(Some);
    assert_eq!(server.post(&names).await, [accepted, gone, gone, failed, failed, accepted]);
    assert!(server.seen().values().all(|times| *times == 1), "a refusal is not repeated");
}

#[tokio::test]
async fn a_busy_socket_is_tried_three_times() {
    let server = Server::start(Manner::Busy).await;
    assert_eq!(server.post(&names(2)).await, [Some(PostOutcome::Accepted); 2]);
    assert_eq!(server.post(&["ax429".to_owned()]).await, [Some(PostOutcome::Throttled)]);
    assert!(server.seen().values().all(|times| *times == 3), "{:?}", server.seen());
}

#[tokio::test]
async fn posts_that_a_lost_connection_took_along_go_over_another() {
    for lost_after in [0, 1, 30] {
        let server = Server::start(Manner::Loses(lost_after)).await;
        assert_eq!(server.post(&names(60)).await, vec![Some(PostOutcome::Accepted); 60], "after {lost_after}");
        assert_eq!(server.connections.load(Ordering::SeqCst), 2);
        assert_eq!(server.seen().len(), 60);
    }
}

#[tokio::test]
async fn a_silent_connection_costs_two_seconds_and_is_given_up() {
    let server = Server::start(Manner::Silent).await;
    let began = Instant::now();
    assert_eq!(server.post(&names(40)).await, [Some(PostOutcome::Failed); 40]);
    assert!((1900..4000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(server.post(&names(40)).await, [Some(PostOutcome::Accepted); 40], "over another one");
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_deadline_finds_the_answers_that_came() {
    let server = Server::start(Manner::Answers).await;
    let ids = ["silentx1".to_owned(), "ax200".into(), "bx410".into()].map(ConnectionId);
    let mut posts = Posts::new(ids.iter().map(|connection| Post { connection, frame: "{}".into() }).collect());
    let within = tokio::time::timeout(Duration::from_millis(500), server.api.post_all(&mut posts, Timestamp::now())).await;
    assert!(within.is_err(), "one answer does not come");
    assert_eq!(posts.outcomes(), [None, Some(PostOutcome::Accepted), Some(PostOutcome::Gone)]);
}

#[tokio::test]
async fn a_server_that_is_not_trusted_gets_nothing() {
    let server = Server::start(Manner::Answers).await;
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let nobody = ConnectionsApi::new(&backend::aws(), format!("https://127.0.0.1:{port}/ws"));
    let id = ConnectionId("a".into());
    let sending = nobody.send(&id, "{}".into(), Timestamp::now());
    assert_eq!(tokio::time::timeout(Duration::from_secs(5), sending).await.expect("an end"), PostOutcome::Failed);
    assert_eq!(server.seen().len(), 0);
}
