//! `local up --watch`: rebuilds the functions whose sources change; their next invocations run in new instances. The gateway is not affected, so open
//! sockets stay. While the code does not compile, the previous binaries keep serving.
//!
//! Sources are polled every 200 ms: a few hundred files cost a millisecond or two, independent of file system and editor, without a dependency for
//! the notification APIs of three operating systems.

mod build;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::build::Binaries;
pub use self::build::Builder;
use self::sources::{Change, Sources};
use crate::lambda::Lambda;
use crate::logs::print_line;
use crate::stack::Stack;

/// Polling interval; a change counts once nothing has changed for this long.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// What to watch, and how to react.
#[derive(Debug)]
pub struct Watch {
    /// Folder of the template: the workspace.
    pub root: PathBuf,
    /// File name of the template.
    pub template: PathBuf,
    /// The template's declarations at the start.
    pub stack: Arc<Stack>,
    pub lambda: Lambda,
    pub builder: Builder,
}

impl Watch {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let binaries: BTreeSet<String> = self.stack.functions.values().map(|function| function.binary.clone()).collect();
        let mut known = self.read_sources().await;
        // Changes of a failed build remain pending.
        let mut pending = BTreeSet::new();
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let mut now = self.read_sources().await;
            if now == known {
                continue;
            }
            let noticed = Instant::now();
            loop {
                tokio::time::sleep(POLL_INTERVAL).await;
                let next = self.read_sources().await;
                if next == now {
                    break;
                }
                now = next;
            }
            let changes: BTreeSet<Change> = known.differences(&now).map(|path| sources::change(path, &binaries)).collect();
            known = now;
            self.rebuild(&changes, &binaries, (&mut pending, noticed)).await;
        }
    }

    async fn rebuild(
        &self,
        changes: &BTreeSet<Change>,
        all: &BTreeSet<String>,
        (pending, noticed): (&mut BTreeSet<String>, Instant),
    ) {
        for change in changes {
            match change {
                Change::Function(binary) => {
                    pending.insert(binary.clone());
                }
                Change::Shared | Change::Migrations => pending.extend(all.iter().cloned()),
                Change::Template(file) => {
                    print_line(&format!("{file} has changed; restart to apply it (Ctrl-C, then `make dev`)."));
                }
                Change::Local => {
                    print_line("The local cloud's own code has changed; restart to run it (Ctrl-C, then `make dev`).");
                }
                Change::Nothing => {}
            }
        }
        if pending.is_empty() {
            return;
        }
        let names = if pending.len() == all.len() {
            "every function".into()
        } else {
            pending.iter().cloned().collect::<Vec<_>>().join(", ")
        };
        print_line(&format!("Building {names} …"));
        let before = self.builder.binaries(all);
        if let Err(reason) = self.builder.build(&self.root, pending).await {
            print_line(&format!("Build failed: {reason}. The previous build keeps serving."));
            return;
        }
        pending.clear();
        self.replace(&before, &self.builder.binaries(all), noticed);
        if changes.contains(&Change::Migrations) {
            print_line("There is a new migration: apply it with `make migrate-up` in a second terminal.");
        }
    }

    fn replace(&self, before: &Binaries, after: &Binaries, noticed: Instant) {
        let mut replaced = BTreeMap::new();
        for function in self.stack.functions.values() {
            if before.get(&function.binary) != after.get(&function.binary) {
                *replaced.entry(function.binary.as_str()).or_insert(0) += self.lambda.retire(&function.id);
            }
        }
        let took = noticed.elapsed().as_secs_f64();
        let names: Vec<String> = replaced
            .iter()
            .map(
                |(binary, instances)| {
                    if *instances == 0 { (*binary).to_owned() } else { format!("{binary} ({instances} replaced)") }
                },
            )
            .collect();
        if names.is_empty() {
            print_line(&format!("Nothing to replace (after {took:.1} s)."));
        } else {
            print_line(&format!("Serving the new build, {took:.1} s after the change: {}", names.join(", ")));
        }
    }

    async fn read_sources(&self) -> Sources {
        let (root, template) = (self.root.clone(), self.template.clone());
        tokio::task::spawn_blocking(move || Sources::read(&root, &template)).await.unwrap_or_default()
    }
}

/// The workspace of a template: its folder.
pub fn workspace_root(template: &Path) -> PathBuf {
    template.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
