//! A TCP proxy in front of a store that injects faults: delays, refusals, hangs and resets. It never changes data.

mod mysql;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use self::mysql::CommitDetector;
use crate::faults::{Faults, StoreFaultMode, StoreKind};

/// Called after every commit of the database; `true` if the function must not receive the response.
pub(crate) type CommitHook = Arc<dyn Fn() -> bool + Send + Sync>;

/// A listener that forwards connections; dropping it closes them.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    accepting: AbortHandle,
}

/// The proxy's target and faults.
struct ProxyTarget {
    to: SocketAddr,
    store: StoreKind,
    faults: Faults,
    commit_hook: Option<CommitHook>,
}

impl fmt::Debug for ProxyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyTarget").field("to", &self.to).field("store", &self.store).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Starts a proxy in front of a store on a free port.
    pub(crate) fn start(store: StoreKind, to: SocketAddr, faults: &Faults, commit_hook: Option<CommitHook>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let target = Arc::new(ProxyTarget { to, store, faults: faults.clone(), commit_hook });
        Ok(Self { address, accepting: tokio::spawn(accept(listener, target)).abort_handle() })
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

async fn accept(listener: TcpListener, target: Arc<ProxyTarget>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // When one side closes, the other side is closed too.
                Ok((client, _)) => drop(connections.spawn(serve(client, target.clone()))),
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(client: TcpStream, target: Arc<ProxyTarget>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let changes = target.faults.subscribe();
    if refuses(&target.faults, target.store) {
        return client.set_zero_linger();
    }
    let server = TcpStream::connect(target.to).await?;
    server.set_nodelay(true)?;
    let commits = target.commit_hook.is_some().then(CommitDetector::default);
    ProxiedConnection { client, server, target, commits, changes, answered: true, drop_response: false }.run().await
}

/// Whether a new connection is refused. It is not an exchange: only faults at rate 1 apply.
fn refuses(faults: &Faults, store: StoreKind) -> bool {
    let config = faults.config();
    let fault = match store {
        StoreKind::MySql => config.mysql,
        StoreKind::DynamoDb => config.dynamodb,
        StoreKind::S3 => config.s3,
        StoreKind::Sqs => config.sqs,
    };
    fault.is_some_and(|fault| fault.mode == StoreFaultMode::Refuse && fault.rate.get() >= 1.0)
}

struct ProxiedConnection {
    client: TcpStream,
    server: TcpStream,
    target: Arc<ProxyTarget>,
    commits: Option<CommitDetector>,
    changes: watch::Receiver<()>,
    /// Whether the store sent last: the client's next bytes start an exchange.
    answered: bool,
    /// Whether to drop the response.
    drop_response: bool,
}

impl ProxiedConnection {
    async fn run(mut self) -> io::Result<()> {
        let (mut request, mut response) = (vec![0; 16 << 10], vec![0; 16 << 10]);
        loop {
            tokio::select! {
                length = self.client.read(&mut request) => match length? {
                    0 => return Ok(()),
                    length => if !self.forward_request(&request[..length]).await? {
                        return self.client.set_zero_linger();
                    },
                },
                length = self.server.read(&mut response) => match length? {
                    0 => return Ok(()),
                    length => if !self.forward_response(&response[..length]).await? {
                        return self.client.set_zero_linger();
                    },
                },
            }
        }
    }

    /// Forwards bytes of the client; `false` to break the connection.
    async fn forward_request(&mut self, bytes: &[u8]) -> io::Result<bool> {
        if std::mem::take(&mut self.answered) {
            match self.target.faults.store_fault(self.target.store) {
                None => {}
                Some((StoreFaultMode::Slow, time)) => sleep(time).await,
                Some((StoreFaultMode::Refuse, _)) => return Ok(false),
                Some((StoreFaultMode::Reset, _)) => self.drop_response = true,
                Some((StoreFaultMode::Hang, _)) => {
                    self.wait_until_closed().await;
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

    /// Forwards bytes of the store; `false` to break the connection.
    async fn forward_response(&mut self, bytes: &[u8]) -> io::Result<bool> {
        self.answered = true;
        let committed = self.commits.as_mut().is_some_and(|commits| commits.answered(bytes));
        if committed && self.target.commit_hook.as_ref().is_some_and(|commit_hook| commit_hook()) {
            return Ok(false);
        }
        if self.drop_response {
            return Ok(false);
        }
        self.client.write_all(bytes).await?;
        Ok(true)
    }

    /// Waits until the client disconnects or the faults change.
    async fn wait_until_closed(&mut self) {
        let mut ignored = [0; 1024];
        self.changes.mark_unchanged();
        let gone = async { while self.client.read(&mut ignored).await.is_ok_and(|length| length > 0) {} };
        tokio::select! {
            () = gone => {}
            _ = self.changes.changed() => {}
        }
    }
}
