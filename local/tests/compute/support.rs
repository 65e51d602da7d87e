//! Test support: the echo function, and waiting for a condition.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use local::lambda::{FunctionSpec, Lambda, LambdaOptions, Outcome};
use local::logs::Journal;
use local::stack::EventInvoke;
use serde_json::Value;

/// `cargo test` builds examples beside the folder of the test binaries; `cargo test --test …` alone does not.
pub(crate) fn binaries() -> PathBuf {
    let folder = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples");
    assert!(folder.join("echo").exists(), "the echo function is not built: cargo build -p local --examples");
    folder
}

pub(crate) fn echo(id: &str) -> FunctionSpec {
    FunctionSpec {
        id: id.into(),
        binary: binaries().join("echo"),
        environment: [("GREETING".into(), "hello".into())].into(),
        memory_size: 256,
        timeout: Duration::from_secs(5),
        reserved_concurrency: None,
        event_invoke: EventInvoke::default(),
    }
}

pub(crate) async fn lambda_of(functions: Vec<FunctionSpec>, options: LambdaOptions) -> Lambda {
    Lambda::start(functions, LambdaOptions { journal: Arc::new(Journal::default()), ..options }).await.unwrap()
}

pub(crate) async fn lambda() -> Lambda {
    lambda_of(vec![echo("Echo")], LambdaOptions::default()).await
}

pub(crate) fn json(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

pub(crate) fn success(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Success(body) => serde_json::from_slice(&body).unwrap(),
        Outcome::FunctionError(body) => panic!("the function failed: {}", String::from_utf8_lossy(&body)),
    }
}

/// Type and message.
pub(crate) fn failure(outcome: Outcome) -> (String, String) {
    match outcome {
        Outcome::FunctionError(body) => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            (body["errorType"].as_str().unwrap().into(), body["errorMessage"].as_str().unwrap().into())
        }
        Outcome::Success(body) => panic!("the function did not fail: {}", String::from_utf8_lossy(&body)),
    }
}

pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "in ten seconds this did not become true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn alive(pid: u32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), None).is_ok()
}
