//! `local up --watch`: sources change, the functions that they belong to are built again, and the next invocations run in new instances. The
//! gateway is not touched, so open sockets stay; while the code does not compile, what was built last goes on serving.
//!
//! The sources are looked at every fifth of a second: a few hundred files cost a millisecond or two, whatever the file system or the editor does,
//! which is less than what a library for the notices of three systems would have to be trusted with.

mod build;
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

pub use self::build::Builder;
use self::{
    build::Binaries,
    sources::{Change, Sources},
};
use crate::{lambda::Lambda, logs::say, stack::Stack};

/// How often the sources are looked at; a change counts once nothing has changed for so long again.
const PAUSE: Duration = Duration::from_millis(200);

/// What is watched, and what is done about it.
#[derive(Debug)]
pub struct Watch {
    /// The folder of the template: the workspace.
    pub root: PathBuf,
    /// File name of the template.
    pub template: PathBuf,
    /// What the template declared at the start.
    pub stack: Arc<Stack>,
    /// Who runs the functions.
    pub lambda: Lambda,
    /// Who builds them.
    pub builder: Builder,
}

impl Watch {
    /// Goes on until it is dropped.
    pub async fn run(self) {
        let binaries: BTreeSet<String> = self.stack.functions.values().map(|function| function.binary.clone()).collect();
        let mut known = self.look().await;
        // What changed before a build that failed is still to be built.
        let mut pending = BTreeSet::new();
        loop {
            tokio::time::sleep(PAUSE).await;
            let mut now = self.look().await;
            if now == known {
                continue;
            }
            let noticed = Instant::now();
            loop {
                tokio::time::sleep(PAUSE).await;
                let next = self.look().await;
                if next == now {
                    break;
                }
                now = next;
            }
            let changes: BTreeSet<Change> = known.differences(&now).map(|path| sources::change(path, &binaries)).collect();
            known = now;
            self.answer(&changes, &binaries, (&mut pending, noticed)).await;
        }
    }

    async fn answer(
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
                    say(&format!("{file} has changed: it is read at the next start (Ctrl-C, then `make dev`)."));
                }
                Change::Local => {
                    say("The local cloud's own code has changed: start it again to run it (Ctrl-C, then `make dev`).");
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
        say(&format!("Building {names} …"));
        let before = self.builder.binaries(all);
        if let Err(reason) = self.builder.build(&self.root, pending).await {
            say(&format!("Not built: {reason}. The code that was built last goes on serving."));
            return;
        }
        pending.clear();
        self.replace(&before, &self.builder.binaries(all), noticed);
        if changes.contains(&Change::Migrations) {
            say("There is another migration: `make migrate-up` in a second terminal applies it.");
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
            say(&format!("Nothing to replace, after {took:.1} s."));
        } else {
            say(&format!("Served from now on, {took:.1} s after the change was seen: {}", names.join(", ")));
        }
    }

    async fn look(&self) -> Sources {
        let (root, template) = (self.root.clone(), self.template.clone());
        tokio::task::spawn_blocking(move || Sources::read(&root, &template)).await.unwrap_or_default()
    }
}

/// The workspace that a template belongs to: its folder.
pub fn root_of(template: &Path) -> PathBuf {
    template.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
