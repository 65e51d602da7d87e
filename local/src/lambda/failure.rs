//! Lambda's own error payloads, in AWS's wording, because callers compare them.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::Outcome;

pub(super) fn timed_out(id: Uuid, after: Duration) -> Outcome {
    failure("Sandbox.Timedout", &format!("RequestId: {id} Error: Task timed out after {:.2} seconds", after.as_secs_f64()))
}

/// `last_lines` are those of a process that exited before its first poll.
pub(super) fn exited(id: Uuid, status: Option<ExitStatus>, last_lines: &[String]) -> Outcome {
    let how = match status.map(|status| (status.code(), status.signal())) {
        Some((Some(0), _)) | None => "Runtime exited without providing a reason".to_owned(),
        Some((Some(code), _)) => format!("Runtime exited with error: exit status {code}"),
        Some((None, signal)) => {
            let name = signal.and_then(|signal| nix::sys::signal::Signal::try_from(signal).ok());
            format!("Runtime exited with error: signal: {}", name.map_or("unknown", name_of))
        }
    };
    let mut message = format!("RequestId: {id} Error: {how}");
    for line in last_lines {
        message.push('\n');
        message.push_str(line);
    }
    failure("Runtime.ExitError", &message)
}

pub(super) fn not_started(binary: &std::path::Path, error: &std::io::Error) -> Outcome {
    failure("Runtime.InvalidEntrypoint", &format!("{} could not be run: {error}. Run `make build`.", binary.display()))
}

/// The remote Invoke API failed.
pub(super) fn not_reached(reason: &str) -> Outcome {
    failure("Endpoint.NotReached", reason)
}

pub(super) fn response_too_large() -> Outcome {
    failure("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).")
}

fn failure(kind: &str, message: &str) -> Outcome {
    Outcome::FunctionError(Bytes::from(json!({ "errorType": kind, "errorMessage": message }).to_string()))
}

/// Signal names as in Go, the language of Lambda's supervisor.
fn name_of(signal: nix::sys::signal::Signal) -> &'static str {
    use nix::sys::signal::Signal;
    match signal {
        Signal::SIGKILL => "killed",
        Signal::SIGTERM => "terminated",
        Signal::SIGSEGV => "segmentation fault",
        Signal::SIGABRT => "aborted",
        other => other.as_str(),
    }
}
