//! Two thousand concurrent sockets, each of which receives its posts. `make bench` measures their memory.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use local::gateway::Limits;

use crate::client::{Client, manage};
use crate::fixture::{Fixture, friendly};

const SOCKETS: usize = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_open_sockets_hold() {
    // Both ends of each socket are files of this process.
    local::open_files::raise_limit();
    let mut fixture = Fixture::with(Limits { grace: Duration::from_millis(300), ..Limits::default() }, friendly).await;
    let address = fixture.address;
    let mut clients: Vec<Client> = stream::iter(0..SOCKETS).map(|_| Client::join(address)).buffer_unordered(32).collect().await;
    let connections = fixture.gateway.connections();
    assert_eq!((clients.len(), connections.len()), (SOCKETS, SOCKETS));

    let posted = stream::iter(&connections).map(|connection| manage(address, "POST", &connection.id, "for you"));
    assert!(posted.buffer_unordered(32).all(|answer| async move { answer.status == 200 }).await);
    for client in &mut clients {
        assert_eq!(client.text().await, "for you");
    }
    assert_eq!((fixture.gateway.connections().len(), fixture.gateway.stats().frames_sent), (SOCKETS, SOCKETS as u64));

    drop(clients);
    for _ in 0..SOCKETS {
        fixture.event("Disconnect").await;
    }
    assert!(fixture.gateway.connections().is_empty());
}
