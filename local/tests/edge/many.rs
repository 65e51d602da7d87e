//! Two thousand sockets at once, each of which hears what is posted to it. How much memory one takes is `make bench`'s to say.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use local::gateway::Limits;

use crate::{
    play::{Play, friendly},
    wire::{Client, manage},
};

const SOCKETS: usize = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_open_sockets_hold() {
    // Both ends of each are files of this process.
    local::open_files::raise();
    let mut play = Play::with(Limits { grace: Duration::from_millis(300), ..Limits::default() }, friendly).await;
    let address = play.address;
    let mut clients: Vec<Client> = stream::iter(0..SOCKETS).map(|_| Client::join(address)).buffer_unordered(32).collect().await;
    let connections = play.gateway.connections();
    assert_eq!((clients.len(), connections.len()), (SOCKETS, SOCKETS));

    let posted = stream::iter(&connections).map(|connection| manage(address, "POST", &connection.id, "for you"));
    assert!(posted.buffer_unordered(32).all(|answer| async move { answer.status == 200 }).await);
    for client in &mut clients {
        assert_eq!(client.text().await, "for you");
    }
    assert_eq!((play.gateway.connections().len(), play.gateway.stats().frames_sent), (SOCKETS, SOCKETS as u64));

    drop(clients);
    for _ in 0..SOCKETS {
        play.event("Disconnect").await;
    }
    assert!(play.gateway.connections().is_empty());
}
