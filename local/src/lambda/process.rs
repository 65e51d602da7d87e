//! One instance: its process, environment and output, assigned to invocations in order.

use std::io::{self, PipeReader, Read as _};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::pool::InstancePool;
use super::{FunctionSpec, Outcome};
use crate::logs::Invocation;
use crate::watchdog::Watchdog;

/// A command to an instance's supervisor.
#[derive(Debug)]
pub(super) enum Control {
    /// Kill the process.
    Kill,
    /// An invocation has ended; the output up to now belongs to it.
    Ended(EndedInvocation),
}

/// An ended invocation without its output.
#[derive(Debug)]
pub(super) struct EndedInvocation {
    pub(super) id: Uuid,
    pub(super) event: Bytes,
    pub(super) outcome: Outcome,
    pub(super) duration: Duration,
    pub(super) cold_start: Option<Duration>,
}

impl EndedInvocation {
    pub(super) fn record(self, function: &str, pid: u32, lines: Vec<String>) -> Invocation {
        Invocation {
            function: function.to_owned(),
            request_id: self.id.to_string(),
            pid,
            at: SystemTime::now(),
            duration: self.duration,
            cold_start: self.cold_start,
            event: self.event,
            outcome: self.outcome,
            lines,
        }
    }
}

/// A started process.
#[derive(Debug)]
pub(super) struct InstanceProcess {
    child: Child,
    pid: u32,
    function: String,
    output: Output,
}

impl InstanceProcess {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }
}

/// Where an instance runs.
#[derive(Debug)]
pub(super) struct InstanceContext<'a> {
    pub(super) api: SocketAddr,
    pub(super) region: &'a str,
    pub(super) watchdog: &'a Watchdog,
}

pub(super) fn spawn(spec: &FunctionSpec, number: u64, place: &InstanceContext<'_>) -> io::Result<InstanceProcess> {
    // One pipe for both streams keeps lines in order.
    let (reader, writer) = io::pipe()?;
    let folder = spec.binary.parent().unwrap_or(Path::new("/"));
    let mut child = Command::new(&spec.binary)
        .env_clear()
        .envs(lambda_environment(spec, number, place))
        .envs(&spec.environment)
        .current_dir(folder)
        .process_group(place.watchdog.group())
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .kill_on_drop(true)
        .spawn()?;
    let Some(pid) = child.id() else {
        return Err(io::Error::other("it ended at once"));
    };
    match Output::new(reader) {
        Ok(output) => Ok(InstanceProcess { child, pid, function: spec.id.clone(), output }),
        Err(error) => {
            child.start_kill()?;
            Err(error)
        }
    }
}

/// Variables that Lambda sets; from this machine's environment only `PATH`.
fn lambda_environment(spec: &FunctionSpec, number: u64, place: &InstanceContext<'_>) -> Vec<(&'static str, String)> {
    let day = OffsetDateTime::now_utc().format(format_description!("[year]/[month]/[day]")).unwrap_or_default();
    let folder = spec.binary.parent().unwrap_or(Path::new("/")).display().to_string();
    vec![
        ("_HANDLER", "bootstrap".into()),
        ("AWS_REGION", place.region.into()),
        ("AWS_DEFAULT_REGION", place.region.into()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".into()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.id.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_size.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.id)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("{day}/[$LATEST]{}", Uuid::new_v4().simple())),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".into()),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO".into()),
        // Lambda uses `host:port`; here the path identifies the instance, and `lambda_runtime` then requires the scheme.
        ("AWS_LAMBDA_RUNTIME_API", format!("http://{}/i/{number}", place.api)),
        ("AWS_ACCESS_KEY_ID", crate::credentials::ACCESS_KEY.into()),
        ("AWS_SECRET_ACCESS_KEY", crate::credentials::SECRET_KEY.into()),
        ("AWS_SESSION_TOKEN", "local".into()),
        ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000".into()),
        ("LAMBDA_TASK_ROOT", folder),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".into()),
        ("TZ", ":UTC".into()),
        ("LANG", "en_US.UTF-8".into()),
        ("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into())),
    ]
}

/// Supervises a process until it exits.
pub(super) async fn supervise(
    pool: Arc<InstancePool>,
    number: u64,
    mut started: InstanceProcess,
    mut commands: mpsc::UnboundedReceiver<Control>,
) {
    let output = &mut started.output;
    let status = loop {
        tokio::select! {
            () = output.more() => {}
            command = commands.recv() => match command {
                Some(Control::Ended(ended)) => {
                    output.rest();
                    pool.journal().record(ended.record(&started.function, started.pid, output.take()));
                }
                Some(Control::Kill) | None => {
                    let _ = started.child.start_kill();
                }
            },
            status = started.child.wait() => break status.ok(),
        }
    };
    output.rest();
    let lines = output.take();
    let last_lines = &lines[lines.len().saturating_sub(10)..];
    if let Some(ended) = pool.exited(number, status, last_lines) {
        pool.journal().record(ended.record(&started.function, started.pid, lines.clone()));
    }
    // Handle invocations that ended just before the process.
    while let Ok(command) = commands.try_recv() {
        if let Control::Ended(ended) = command {
            pool.journal().record(ended.record(&started.function, started.pid, lines.clone()));
        }
    }
}

pub(super) fn freeze(pid: u32) {
    signal(pid, Signal::SIGSTOP);
}

pub(super) fn thaw(pid: u32) {
    signal(pid, Signal::SIGCONT);
}

fn signal(pid: u32, signal: Signal) {
    // Zero and negative ids would signal a process group.
    if let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 0) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// The read end of the output pipe.
#[derive(Debug)]
struct Output {
    watched: Option<pipe::Receiver>,
    /// The same pipe without tokio's readiness: output written before the response is readable now.
    direct: PipeReader,
    unfinished: Vec<u8>,
    lines: Vec<String>,
}

/// Maximum number of lines per invocation and of bytes per line; the rest is dropped.
const KEPT_LINES: usize = 1000;
const KEPT_LINE: usize = 16 * 1024;

impl Output {
    fn new(reader: PipeReader) -> io::Result<Self> {
        let direct = reader.try_clone()?;
        // Makes both handles of the pipe non-blocking.
        let watched = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok(Self { watched: Some(watched), direct, unfinished: Vec::new(), lines: Vec::new() })
    }

    /// Waits for output and reads it.
    async fn more(&mut self) {
        let Some(watched) = &self.watched else { return std::future::pending().await };
        let mut buffer = [0_u8; 4096];
        let closed = match watched.readable().await {
            Err(_) => true,
            Ok(()) => match watched.try_read(&mut buffer) {
                Ok(0) => true,
                Ok(length) => {
                    self.add(&buffer[..length]);
                    false
                }
                Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            },
        };
        if closed {
            self.watched = None;
        }
    }

    /// Reads available output without waiting.
    fn rest(&mut self) {
        let mut buffer = [0_u8; 4096];
        while let Ok(length @ 1..) = self.direct.read(&mut buffer) {
            self.add(&buffer[..length]);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = KEPT_LINE.saturating_sub(self.unfinished.len());
            self.unfinished.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.finish_line();
            }
        }
    }

    fn finish_line(&mut self) {
        let line = String::from_utf8_lossy(&self.unfinished).trim_end().to_owned();
        self.unfinished.clear();
        if self.lines.len() < KEPT_LINES {
            self.lines.push(line);
        }
    }

    fn take(&mut self) -> Vec<String> {
        if !self.unfinished.is_empty() {
            self.finish_line();
        }
        std::mem::take(&mut self.lines)
    }
}
