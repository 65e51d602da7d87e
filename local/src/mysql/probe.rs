//! Restarts a server that exits unexpectedly on the same data and port, so that functions find it again.

use std::process::{Child, ExitStatus};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Server, blocking};
use crate::logs::Journal;

/// A weak handle to a server.
#[derive(Clone, Debug)]
pub struct Probe(Weak<Server>);

/// Interval between checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// A server that exits this often within this time is not restarted again.
const ATTEMPTS: u32 = 3;
const FAILURE_WINDOW: Duration = Duration::from_secs(30);

impl Probe {
    pub(super) fn new(server: &Arc<Server>) -> Self {
        Self(Arc::downgrade(server))
    }

    /// Whether the process runs.
    pub fn is_running(&self) -> bool {
        self.0.upgrade().is_some_and(|server| matches!(server.process().as_mut().map(Child::try_wait), Some(Ok(None))))
    }

    /// Restarts the server whenever it exits unexpectedly and prints a note. Returns when the server is dropped or keeps failing.
    pub(crate) async fn restart_on_exit(self, journal: Arc<Journal>) {
        let (mut attempts, mut since, mut failed) = (0, Instant::now(), None);
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            let Some(server) = self.0.upgrade() else { return };
            let Some(how) = failed.take().or_else(|| server.unexpected_exit().map(|status| status.to_string())) else { continue };
            if since.elapsed() > FAILURE_WINDOW {
                (attempts, since) = (0, Instant::now());
            }
            attempts += 1;
            let log = server.data.join("server.log");
            if attempts > ATTEMPTS {
                journal.note(&format!("MySQL exited again ({how}) and is not restarted; see {}.", log.display()));
                return;
            }
            journal.note(&format!("MySQL exited ({how}); restarting …"));
            let begun = Instant::now();
            let again = Arc::clone(&server);
            match blocking(move || again.run()).await {
                Ok(()) => journal.note(&format!("MySQL is running again after {} ms.", begun.elapsed().as_millis())),
                // The server was stopped deliberately during the restart.
                Err(_) if !server.should_run.load(Ordering::Acquire) => {}
                Err(error) => failed = Some(error.to_string()),
            }
        }
    }
}

impl Server {
    /// The exit status of an unexpected exit, returned once.
    fn unexpected_exit(&self) -> Option<ExitStatus> {
        let mut process = self.process();
        let status = process.as_mut()?.try_wait().ok().flatten()?;
        *process = None;
        Some(status)
    }
}
