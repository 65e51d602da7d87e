//! How sockets end: close codes of protocol errors, idle and lifetime limits, and the event of `$disconnect`.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use local::gateway::Limits;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::client::{Client, manage};
use crate::fixture::{Fixture, friendly};

async fn disconnected(fixture: &mut Fixture) -> (u64, String) {
    let event = fixture.event("Disconnect").await;
    let context = &event["requestContext"];
    (context["disconnectStatusCode"].as_u64().unwrap(), context["disconnectReason"].as_str().unwrap().to_owned())
}

/// A client frame with a zero mask.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// Sends raw bytes on an open socket and reads the close frame.
async fn provoke(fixture: &Fixture, bytes: &[u8]) -> (u16, String) {
    let mut client = Client::join(fixture.address).await;
    client.stream.get_mut().write_all(bytes).await.unwrap();
    client.closed().await
}

#[tokio::test]
async fn what_breaks_the_protocol_is_closed_with_its_code() {
    let mut fixture = Fixture::start(friendly).await;
    let too_long_control = [&[0x89, 0xfe, 0, 126, 0, 0, 0, 0][..], &[0; 126]].concat();
    for (code, bytes) in [
        (1003, frame(0x82, b"binary")),
        (1007, frame(0x81, b"\xff\xfe")),
        (1002, b"\x81\x01a".to_vec()),
        (1002, frame(0xc1, b"reserved bit")),
        (1002, frame(0x83, b"reserved opcode")),
        (1002, frame(0x80, b"continues nothing")),
        (1002, frame(0x09, b"fragmented ping")),
        (1002, frame(0x88, b"1")),
        (1002, too_long_control),
    ] {
        assert_eq!(provoke(&fixture, &bytes).await.0, code, "{bytes:?}");
        assert_eq!(disconnected(&mut fixture).await.0, u64::from(code), "{bytes:?}");
    }
    assert_eq!(fixture.gateway.connections(), []);
}

#[tokio::test]
async fn what_is_too_large_is_closed_with_1009() {
    let mut fixture = Fixture::start(friendly).await;
    let mut client = Client::join(fixture.address).await;
    client.send(&"a".repeat(32 << 10)).await;
    assert_eq!(fixture.event("Send").await["body"].as_str().map(str::len), Some(32 << 10));
    client.send(&"a".repeat((32 << 10) + 1)).await;
    assert_eq!(client.closed().await.0, 1009);
    assert_eq!(disconnected(&mut fixture).await.0, 1009);

    let mut client = Client::join(fixture.address).await;
    for number in 0..5 {
        let kind = if number == 0 { Data::Text } else { Data::Continue };
        let piece = Message::Frame(Frame::message("a".repeat(30 << 10), OpCode::Data(kind), false));
        client.stream.send(piece).await.unwrap();
    }
    assert_eq!(client.closed().await.0, 1009);
    assert_eq!(disconnected(&mut fixture).await.0, 1009);
}

#[tokio::test]
async fn a_clients_close_is_answered_and_reported() {
    let mut fixture = Fixture::start(friendly).await;
    for (close, told) in [
        (None, (1005, "Client-side close frame status not set")),
        (Some((1000_u16, "bye")), (1000, "bye")),
        (Some((4001, "")), (4001, "")),
    ] {
        let mut client = Client::join(fixture.address).await;
        let frame = close.map(|(code, reason)| CloseFrame { code: code.into(), reason: reason.into() });
        client.stream.close(frame.clone()).await.unwrap();
        assert!(matches!(client.next().await, Message::Close(answer) if answer == frame));
        assert!(client.stream.next().await.is_none(), "the gateway ends the connection");
        let (code, reason) = disconnected(&mut fixture).await;
        assert_eq!((code, reason.as_str()), told);
    }
}

#[tokio::test]
async fn a_lost_connection_is_reported_as_1006() {
    let mut fixture = Fixture::start(friendly).await;
    let client = Client::join(fixture.address).await;
    let id = fixture.gateway.connections()[0].id.clone();
    drop(client);
    assert_eq!(disconnected(&mut fixture).await.0, 1006);
    assert_eq!(manage(fixture.address, "POST", &id, "x").await.status, 410);
}

#[tokio::test]
async fn pings_are_answered_but_do_not_keep_a_socket() {
    let limits = Limits { idle: Duration::from_millis(300), ..Limits::default() };
    let mut fixture = Fixture::with(limits, friendly).await;
    let mut client = Client::join(fixture.address).await;
    let began = Instant::now();
    let closed = loop {
        client.stream.send(Message::Ping(vec![7].into())).await.unwrap();
        match client.next().await {
            Message::Pong(payload) => assert_eq!(payload[..], [7]),
            Message::Close(frame) => break frame.unwrap(),
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((u16::from(closed.code), closed.reason.as_str()), (1001, "Going away"));
    assert!((290..900).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(disconnected(&mut fixture).await, (1001, "Going away".to_owned()));
}

#[tokio::test]
async fn data_either_way_keeps_a_socket_until_its_lifetime_is_over() {
    let limits = Limits { idle: Duration::from_millis(300), lifetime: Duration::from_millis(1200), ..Limits::default() };
    let mut fixture = Fixture::with(limits, friendly).await;
    let (mut talker, mut listener) = (Client::join(fixture.address).await, Client::join(fixture.address).await);
    let first = fixture.event("Connect").await;
    let second = fixture.event("Connect").await;
    let id = |event: &Value| event["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    assert_ne!(id(&first), id(&second));
    let began = Instant::now();
    for _ in 0..8 {
        talker.send("hello").await;
        manage(fixture.address, "POST", &id(&second), "x").await;
        assert_eq!(listener.text().await, "x");
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    assert_eq!(fixture.gateway.connections().len(), 2);
    talker.send("hello").await;
    manage(fixture.address, "POST", &id(&second), "last").await;
    assert_eq!(listener.text().await, "last");
    assert_eq!(talker.closed().await, (1001, "Going away".to_owned()));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(listener.closed().await.0, 1001);
}

#[tokio::test]
async fn shorter_limits_hold_for_open_sockets() {
    let fixture = Fixture::start(friendly).await;
    let mut client = Client::join(fixture.address).await;
    fixture.gateway.set_limits(Limits { idle: Duration::from_millis(100), ..fixture.gateway.limits() });
    assert_eq!(client.closed().await.0, 1001);
}

#[tokio::test]
async fn a_stop_closes_every_socket_and_runs_disconnect() {
    let mut fixture = Fixture::start(friendly).await;
    let mut clients = [Client::join(fixture.address).await, Client::join(fixture.address).await];
    fixture.invoked();
    let address = fixture.address;
    let stopping = tokio::spawn(fixture.stop());
    for client in &mut clients {
        assert_eq!(client.closed().await, (1001, "Going away".to_owned()));
    }
    drop(clients);
    let last = stopping.await.unwrap();
    let told: Vec<_> =
        last.iter().map(|(name, event)| (name.as_str(), &event["requestContext"]["disconnectStatusCode"])).collect();
    assert_eq!(told, [("Disconnect", &1001.into()), ("Disconnect", &1001.into())]);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn one_socket_can_be_closed_from_outside() {
    let mut fixture = Fixture::start(friendly).await;
    let mut client = Client::join(fixture.address).await;
    let id = fixture.gateway.connections()[0].id.clone();
    assert!(fixture.gateway.close(&id, 1012, "restart"));
    assert!(!fixture.gateway.close(&id, 1012, "restart"));
    assert_eq!(client.closed().await, (1012, "restart".to_owned()));
    assert_eq!(disconnected(&mut fixture).await, (1012, "restart".to_owned()));
    assert!(!fixture.gateway.close("nobody", 1000, ""));
}
