//! Nothing outlives its parent: every child process is in one group with a watchdog that ends the group when this process is gone, even by SIGKILL.

use std::{
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// What the watchdog does: it collects folders to remove, one a line, until its input closes, which it does when the parent dies. Then
/// processes have two seconds to end; a folder is removed twice, because one of them may still have written to it.
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

/// The watchdog of this process. There is one for all who hold it; it ends when the last one lets go.
#[derive(Debug)]
pub(crate) struct Leash {
    group: i32,
    watchdog: Mutex<(Child, Option<ChildStdin>)>,
}

static CURRENT: Mutex<Weak<Leash>> = Mutex::new(Weak::new());

impl Leash {
    /// The leash of this process, made when there is none.
    pub(crate) fn hold() -> io::Result<Arc<Self>> {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leash) = current.upgrade() {
            return Ok(leash);
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
        let leash = Arc::new(Self { group, watchdog: Mutex::new((watchdog, input)) });
        *current = Arc::downgrade(&leash);
        Ok(leash)
    }

    /// The process group that children are to be started in.
    pub(crate) fn group(&self) -> i32 {
        self.group
    }

    /// Has a temporary folder removed should this process not get to it.
    pub(crate) fn remove_after_death(&self, folder: &Path) -> io::Result<()> {
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        match watchdog.1.as_mut() {
            Some(input) => writeln!(input, "{}", folder.display()),
            None => Ok(()),
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        let watchdog = self.watchdog.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Killed before its input closes: what it would end is ended already, by whoever held the leash.
        let _ = watchdog.0.kill();
        let _ = watchdog.0.wait();
    }
}
