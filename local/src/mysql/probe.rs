//! A server that ends although nobody ended it is started again on its data and its port, so that functions find it where it was.

use std::{
    process::{Child, ExitStatus},
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{Server, blocking};
use crate::logs::Journal;

/// A look at a server that does not keep it alive.
#[derive(Clone, Debug)]
pub struct Probe(Weak<Server>);

/// How often the server is looked at.
const PAUSE: Duration = Duration::from_millis(200);
/// A server that ends so often within so short a time is not started once more.
const ATTEMPTS: u32 = 3;
const SHORT: Duration = Duration::from_secs(30);

impl Probe {
    pub(super) fn new(server: &Arc<Server>) -> Self {
        Self(Arc::downgrade(server))
    }

    /// Whether the process runs.
    pub fn is_running(&self) -> bool {
        self.0.upgrade().is_some_and(|server| matches!(server.process().as_mut().map(Child::try_wait), Some(Ok(None))))
    }

    /// Starts the server again whenever it ends by itself, and says so; returns when nobody has the server any more, or when it is hopeless.
    pub(crate) async fn stand_by(self, journal: Arc<Journal>) {
        let (mut attempts, mut since, mut failed) = (0, Instant::now(), None);
        loop {
            tokio::time::sleep(PAUSE).await;
            let Some(server) = self.0.upgrade() else { return };
            let Some(how) = failed.take().or_else(|| server.ended().map(|status| status.to_string())) else { continue };
            if since.elapsed() > SHORT {
                (attempts, since) = (0, Instant::now());
            }
            attempts += 1;
            let log = server.data.join("server.log");
            if attempts > ATTEMPTS {
                journal.note(&format!("MySQL ended once more ({how}) and is not started again; {} may say why.", log.display()));
                return;
            }
            journal.note(&format!("MySQL ended ({how}): it is started again …"));
            let begun = Instant::now();
            let again = Arc::clone(&server);
            match blocking(move || again.run()).await {
                Ok(()) => journal.note(&format!("MySQL is back after {} ms.", begun.elapsed().as_millis())),
                // It was stopped on purpose before it was up again.
                Err(_) if !server.wanted.load(Ordering::Acquire) => {}
                Err(error) => failed = Some(error.to_string()),
            }
        }
    }
}

impl Server {
    /// How the process ended, told once, if nobody ended it here.
    fn ended(&self) -> Option<ExitStatus> {
        let mut process = self.process();
        let status = process.as_mut()?.try_wait().ok().flatten()?;
        *process = None;
        Some(status)
    }
}
