//! A bare relay: each text goes to all sockets, its sender included. It neither stores nor checks: the floor of the comparison in `make bench`.
#![expect(clippy::print_stdout, reason = "its port is all that it has to tell")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async};

/// The queues of the open sockets.
type Sockets = Arc<Mutex<HashMap<u64, UnboundedSender<Message>>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listens on {}", listener.local_addr()?.port());
    let sockets = Sockets::default();
    for id in 0.. {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        tokio::spawn(serve(tcp, id, Arc::clone(&sockets)));
    }
    Ok(())
}

async fn serve(tcp: TcpStream, id: u64, sockets: Sockets) {
    let Ok(socket) = accept_async(tcp).await else { return };
    let (writing, mut reading) = socket.split();
    let (queue, queued) = mpsc::unbounded_channel();
    sockets.lock().unwrap_or_else(PoisonError::into_inner).insert(id, queue);
    tokio::spawn(write(writing, queued));
    while let Some(Ok(frame)) = reading.next().await {
        if frame.is_text() {
            for queue in sockets.lock().unwrap_or_else(PoisonError::into_inner).values() {
                // A socket that closes meanwhile misses it.
                let _ = queue.send(frame.clone());
            }
        }
    }
    sockets.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

/// Writes what is queued, and flushes when nothing is.
async fn write(
    mut writing: futures_util::stream::SplitSink<WebSocketStream<TcpStream>, Message>,
    mut queued: UnboundedReceiver<Message>,
) -> Result<(), Error> {
    while let Some(frame) = queued.recv().await {
        writing.feed(frame).await?;
        while let Ok(frame) = queued.try_recv() {
            writing.feed(frame).await?;
        }
        writing.flush().await?;
    }
    Ok(())
}
