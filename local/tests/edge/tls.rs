//! TLS on the gateway's port: clients that trust its authority are served as in cleartext.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use local::gateway::{Backend, Gateway, GatewayOptions};
use local::lambda::Outcome;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{HttpConnection, head, manage, request};
use crate::fixture::{Fixture, TEMPLATE, friendly, ok, stack};

/// A client that trusts the authority (PEM) and offers these protocols.
pub(crate) fn connector(authority: Option<&str>, protocols: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    if let Some(authority) = authority {
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

pub(crate) async fn connect(
    address: SocketAddr,
    name: &'static str,
    connector: &TlsConnector,
) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await.unwrap();
    connector.connect(ServerName::try_from(name).unwrap(), tcp).await
}

#[tokio::test]
async fn who_trusts_the_authority_is_connected_by_every_name_of_this_machine() {
    let fixture = Fixture::start(friendly).await;
    for (number, name) in ["localhost", "127.0.0.1", "::1"].into_iter().enumerate() {
        // Each with a memory of its own, so that no session is resumed.
        let trusting = connector(Some(&fixture.authority), &[]);
        let mut wire = HttpConnection::over(connect(fixture.address, name, &trusting).await.expect(name));
        wire.write(head("GET", "/none", &[], 0)).await;
        assert_eq!(wire.answer(true).await.status, 404);
        assert_eq!((fixture.gateway.stats().tls_handshakes, fixture.gateway.stats().tls_resumed), (number as u64 + 1, 0));
    }
    let trusting = connector(Some(&fixture.authority), &[]);
    let error = connect(fixture.address, "example.com", &trusting).await.unwrap_err();
    assert!(error.to_string().contains("certificate not valid for name"), "{error}");
    let error = connect(fixture.address, "localhost", &connector(None, &[])).await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert_eq!(fixture.gateway.stats().accepted, 5);
}

#[tokio::test]
async fn http_2_is_chosen_where_it_is_offered() {
    let fixture = Fixture::start(friendly).await;
    for (offered, chosen) in [
        (vec!["h2", "http/1.1"], Some("h2")),
        (vec!["http/1.1", "h2"], Some("h2")),
        (vec!["http/1.1"], Some("http/1.1")),
        (vec![], None),
    ] {
        let stream = connect(fixture.address, "localhost", &connector(Some(&fixture.authority), &offered)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes), "{offered:?}");
    }
}

#[tokio::test]
async fn http_1_over_tls_is_served_and_functions_know_the_scheme() {
    let mut fixture = Fixture::start(|_, _| ok()).await;
    let stream = connect(fixture.address, "localhost", &connector(Some(&fixture.authority), &["http/1.1"])).await.unwrap();
    let mut wire = HttpConnection::over(stream);
    for _ in 0..2 {
        wire.write(head("GET", "/api/rooms", &[], 0)).await;
        assert_eq!(wire.answer(true).await.status, 200);
        assert_eq!(fixture.event("Rooms").await["headers"]["x-forwarded-proto"], "https");
    }
    assert_eq!(request(fixture.address, "GET", "/api/rooms", &[], "").await.status, 200);
    assert_eq!(fixture.event("Rooms").await["headers"]["x-forwarded-proto"], "http");
}

#[tokio::test]
async fn a_socket_over_tls_takes_and_sends_frames_and_closes() {
    let mut fixture = Fixture::start(friendly).await;
    let stream = connect(fixture.address, "localhost", &connector(Some(&fixture.authority), &["http/1.1"])).await.unwrap();
    let url = format!("wss://localhost:{}/ws?ticket=t", fixture.address.port());
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    let event = fixture.event("Connect").await;
    assert_eq!(event["headers"]["X-Forwarded-Proto"], "https");
    let id = event["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    let next = async |socket: &mut tokio_tungstenite::WebSocketStream<TlsStream<TcpStream>>| {
        timeout(Duration::from_secs(5), socket.next()).await.expect("no frame came").unwrap().unwrap()
    };
    let large = "ä".repeat(60 << 10);
    for number in 0..20 {
        assert_eq!(manage(fixture.address, "POST", &id, format!("{number} {large}")).await.status, 200);
        assert_eq!(next(&mut socket).await, Message::text(format!("{number} {large}")));
    }
    socket.send(Message::Ping("x".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("x".into()));
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(fixture.event("Send").await["body"], "hello");
    assert_eq!(manage(fixture.address, "DELETE", &id, "").await.status, 204);
    assert!(matches!(next(&mut socket).await, Message::Close(Some(frame)) if u16::from(frame.code) == 1000));
    let event: Value = fixture.event("Disconnect").await;
    assert_eq!(event["requestContext"]["disconnectStatusCode"], 1000);
}

#[tokio::test]
async fn what_is_no_tls_ends_and_harms_nobody() {
    let fixture = Fixture::start(friendly).await;
    for bytes in [&b"\x16"[..], b"\x16\x03\x01\x00\x05hello", b"\x16\xff\xff\xff\xff\xff"] {
        let mut tcp = TcpStream::connect(fixture.address).await.unwrap();
        tcp.write_all(bytes).await.unwrap();
        tcp.shutdown().await.unwrap();
        let mut rest = Vec::new();
        timeout(Duration::from_secs(5), tcp.read_to_end(&mut rest)).await.expect("the gateway waits").unwrap_or_default();
    }
    assert_eq!(fixture.gateway.stats().tls_handshakes, 0);
    assert_eq!(request(fixture.address, "GET", "/none", &[], "").await.status, 404);
}

#[tokio::test]
async fn without_a_certificate_only_cleartext_is_served() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = Backend::Memory(Arc::new(|_, _| async { Ok(Outcome::Success("{}".into())) }.boxed()));
    let gateway = Gateway::start(listener, &stack(TEMPLATE), backend, GatewayOptions::default()).unwrap();
    assert!(connect(gateway.address(), "localhost", &connector(None, &[])).await.is_err());
    assert_eq!(request(gateway.address(), "GET", "/none", &[], "").await.status, 404);
}
