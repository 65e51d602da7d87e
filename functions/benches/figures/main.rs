//! `make bench`: measures and prints the project's costs on this machine, with lower bounds and budgets. A missed budget is marked and fails nothing,
//! since a machine can be busy. Errors and lost messages fail.

#[path = "../../tests/e2e/api.rs"]
#[expect(dead_code, clippy::expect_used, reason = "the client of the tests, which need more of it and may panic")]
mod api;
mod log_lines {
    //! Stubs of the tests' secret tracking, which would distort the measurement.

    pub(crate) fn confide(_: &[u8]) {}

    pub(crate) fn entrusted(_: &[u8]) {}
}
mod backend;
mod binaries;
mod latency;
mod load;
mod process;
mod report;
mod socket;
mod starts;
mod times;

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use tokio::runtime::{Builder, Handle};

use crate::api::Person;
use crate::backend::Backend;
use crate::report::BenchReport;

/// The result of a measurement.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The number of repetitions.
#[derive(Clone, Copy)]
struct Effort {
    /// Cold starts per function.
    starts: u32,
    /// Requests and messages per latency.
    rounds: u32,
    /// The duration of throughput measurements.
    seconds: u64,
    /// The number of idle sockets.
    idle: usize,
}

const FULL: Effort = Effort { starts: 20, rounds: 1000, seconds: 8, idle: 2000 };
/// A quick check that everything works, in seconds.
const QUICK: Effort = Effort { starts: 3, rounds: 50, seconds: 1, idle: 200 };

/// Enough users for the largest room and the idle sockets (at most twenty per user).
const PEOPLE: usize = 100;

fn main() -> Outcome<()> {
    local::open_files::raise_limit();
    let arguments: Vec<String> = std::env::args().collect();
    // The measured backend has its own threads; the clients share this one.
    let clouds = Builder::new_multi_thread().enable_all().build()?;
    if let Some(at) = arguments.iter().position(|argument| argument == backend::SERVE) {
        let folder = arguments.get(at + 1).ok_or("no data folder was named")?;
        return clouds.block_on(backend::serve(Path::new(folder)));
    }
    let effort = if arguments.iter().any(|argument| argument == "--quick") { QUICK } else { FULL };
    let clients = Builder::new_current_thread().enable_all().build()?;
    let measured = clients.block_on(measure(clouds.handle(), effort));
    clouds.shutdown_background();
    let text = measured?.to_string();
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

async fn measure(clouds: &Handle, effort: Effort) -> Outcome<BenchReport> {
    let begun = Instant::now();
    let mut report = BenchReport::new();
    // On the project's disk: in memory, commits would not wait for a disk.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;

    progress("starts");
    let (backend, resident) = starts::measure(clouds, folder.path(), &mut report).await?;
    progress("functions");
    let binaries = binaries::measure(clouds, &backend, resident, effort, &mut report).await?;
    report.binaries = binaries;
    progress("people");
    let people = people(&backend).await?;
    binaries::first_answer(&backend, &people[0], effort, &mut report).await?;
    progress("latencies");
    latency::http(&backend, effort, &mut report).await?;
    latency::history(&backend, &people, effort, &mut report).await?;
    latency::disk(folder.path(), &mut report)?;
    for listeners in [1, 50] {
        latency::heard(&backend, &people, listeners, effort, &mut report).await?;
    }
    progress("throughput");
    for rooms in [1, 10] {
        load::throughput(&backend, &people, rooms, effort, &mut report).await?;
    }
    backend.stop().await?;

    progress("processor time and memory");
    // A separate process keeps its time and memory apart from the clients'.
    let apart = backend::Apart::start(folder.path())?;
    load::deliveries(&apart, &people, effort, &mut report).await?;
    load::idle(&apart, &people, effort, &mut report).await?;
    apart.stop()?;
    report.end(begun.elapsed());
    Ok(report)
}

async fn people(backend: &Backend) -> Outcome<Vec<Person>> {
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        people.push(backend.api.person("figure").await);
    }
    Ok(people)
}

/// Reports progress on standard error; standard output is for the tables.
fn progress(what: &str) {
    let _ = writeln!(io::stderr(), "measuring: {what}");
}
