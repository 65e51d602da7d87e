//! Ends child processes with their parent: all of them belong to one process group with a watchdog that kills it when this process exits, even by SIGKILL.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The watchdog script: reads folders to remove, one per line, until its input closes because the parent has exited. Processes get two seconds to
/// exit; folders are removed twice, because a process may still have written to them.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
while read -r path; do set -- "$@" "$path"; done
kill -TERM 0
for pass in 1 2; do
    sleep 1
    [ $# = 0 ] || rm -rf -- "$@"
done
kill -KILL 0
"#;

/// The watchdog of this process, shared by all holders; it ends with the last one.
#[derive(Debug)]
pub(crate) struct Watchdog {
    group: i32,
    process: Mutex<(Child, Option<ChildStdin>)>,
}

static CURRENT: Mutex<Weak<Watchdog>> = Mutex::new(Weak::new());

impl Watchdog {
    /// Returns the watchdog of this process; starts it if necessary.
    pub(crate) fn acquire() -> io::Result<Arc<Self>> {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watchdog) = current.upgrade() {
            return Ok(watchdog);
        }
        let mut watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let group = i32::try_from(watchdog.id()).map_err(io::Error::other)?;
        let input = watchdog.stdin.take();
        let watchdog = Arc::new(Self { group, process: Mutex::new((watchdog, input)) });
        *current = Arc::downgrade(&watchdog);
        Ok(watchdog)
    }

    /// The process group for child processes.
    pub(crate) fn group(&self) -> i32 {
        self.group
    }

    /// Removes a temporary folder if this process dies first.
    pub(crate) fn remove_after_death(&self, folder: &Path) -> io::Result<()> {
        let mut watchdog = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        match watchdog.1.as_mut() {
            Some(input) => writeln!(input, "{}", folder.display()),
            None => Ok(()),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let watchdog = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Kill it before its input closes: its holders have already stopped what it would kill.
        let _ = watchdog.0.kill();
        let _ = watchdog.0.wait();
    }
}
