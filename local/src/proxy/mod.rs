//! A TCP proxy in front of a store, there to be slow, to refuse, to hang or to break. What it lets through it does not change.

mod mysql;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::sleep,
};

use self::mysql::Commits;
use crate::faults::{Faults, Mode, Store};

/// Asked after every commit of the database; `true` when the function that committed must not hear of it.
pub(crate) type Witness = Arc<dyn Fn() -> bool + Send + Sync>;

/// A listener that passes everything on, until it is dropped; its connections end with it.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    accepting: AbortHandle,
}

/// Where a proxy leads, and who watches.
struct Way {
    to: SocketAddr,
    store: Store,
    faults: Faults,
    witness: Option<Witness>,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("to", &self.to).field("store", &self.store).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Stands in front of a store, on a free port.
    pub(crate) fn start(store: Store, to: SocketAddr, faults: &Faults, witness: Option<Witness>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let way = Arc::new(Way { to, store, faults: faults.clone(), witness });
        Ok(Self { address, accepting: tokio::spawn(accept(listener, way)).abort_handle() })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, way: Arc<Way>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // Whichever side breaks off, the other one sees it.
                Ok((client, _)) => drop(connections.spawn(carry(client, way.clone()))),
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(client: TcpStream, way: Arc<Way>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let changes = way.faults.changes();
    if refuses(&way.faults, way.store) {
        return client.set_zero_linger();
    }
    let server = TcpStream::connect(way.to).await?;
    server.set_nodelay(true)?;
    let commits = way.witness.is_some().then(Commits::default);
    Carrier { client, server, way, commits, changes, answered: true, cut: false }.run().await
}

/// A new connection is no exchange: only what concerns all of them concerns it.
fn refuses(faults: &Faults, store: Store) -> bool {
    let schedule = faults.schedule();
    let trouble = match store {
        Store::MySql => schedule.mysql,
        Store::DynamoDb => schedule.dynamodb,
        Store::S3 => schedule.s3,
        Store::Sqs => schedule.sqs,
    };
    trouble.is_some_and(|trouble| trouble.mode == Mode::Refuse && trouble.rate.get() >= 1.0)
}

struct Carrier {
    client: TcpStream,
    server: TcpStream,
    way: Arc<Way>,
    commits: Option<Commits>,
    changes: watch::Receiver<()>,
    /// Whether the store spoke last: then what the client says begins an exchange.
    answered: bool,
    /// The answer is not to arrive.
    cut: bool,
}

impl Carrier {
    async fn run(mut self) -> io::Result<()> {
        let (mut asked, mut told) = (vec![0; 16 << 10], vec![0; 16 << 10]);
        loop {
            tokio::select! {
                length = self.client.read(&mut asked) => match length? {
                    0 => return Ok(()),
                    length => if !self.ask(&asked[..length]).await? {
                        return self.client.set_zero_linger();
                    },
                },
                length = self.server.read(&mut told) => match length? {
                    0 => return Ok(()),
                    length => if !self.tell(&told[..length]).await? {
                        return self.client.set_zero_linger();
                    },
                },
            }
        }
    }

    /// Passes on what the client says; `false` when the connection is to break.
    async fn ask(&mut self, bytes: &[u8]) -> io::Result<bool> {
        if std::mem::take(&mut self.answered) {
            match self.way.faults.trouble(self.way.store) {
                None => {}
                Some((Mode::Slow, time)) => sleep(time).await,
                Some((Mode::Refuse, _)) => return Ok(false),
                Some((Mode::Reset, _)) => self.cut = true,
                Some((Mode::Hang, _)) => {
                    self.wait_for_the_end().await;
                    return Ok(false);
                }
            }
        }
        if let Some(commits) = &mut self.commits {
            commits.sent(bytes);
        }
        self.server.write_all(bytes).await?;
        Ok(true)
    }

    /// Passes on what the store says; `false` when the connection is to break.
    async fn tell(&mut self, bytes: &[u8]) -> io::Result<bool> {
        self.answered = true;
        let committed = self.commits.as_mut().is_some_and(|commits| commits.answered(bytes));
        if committed && self.way.witness.as_ref().is_some_and(|witness| witness()) {
            return Ok(false);
        }
        if self.cut {
            return Ok(false);
        }
        self.client.write_all(bytes).await?;
        Ok(true)
    }

    /// Until the client gives up, or the faults change.
    async fn wait_for_the_end(&mut self) {
        let mut ignored = [0; 1024];
        self.changes.mark_unchanged();
        let gone = async { while self.client.read(&mut ignored).await.is_ok_and(|length| length > 0) {} };
        tokio::select! {
            () = gone => {}
            _ = self.changes.changed() => {}
        }
    }
}
