//! Faults on the command line: flags of `local up`, and `/_local/faults` of a running cloud.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use http::Request;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::cloud::template;
use crate::http_client::send;
use crate::support::binaries;

fn up(data: &tempfile::TempDir, more: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(["up", "--port", "0", "--data"]).arg(data.path()).arg("--template").arg(template());
    command.arg("--bin-dir").arg(binaries()).args(more).env_remove("DATABASE_URL").env_remove("PORT");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test]
async fn faults_are_flags_and_can_be_changed_while_it_is_up() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("faults.json");
    std::fs::write(&file, r#"{"push":{"lose":0.5},"seed":1}"#).unwrap();
    let mut running = up(&data, &["--faults", &format!("@{}", file.display()), "--seed", "7"]);
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let address: SocketAddr = loop {
        let line = lines.next().expect("it comes up").unwrap();
        if let ["HTTP", url] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
            break url.strip_prefix("http://").unwrap().parse().unwrap();
        }
    };
    let faults = async |method: &str, body: &'static str| {
        let answer = send(address, Request::builder().method(method).uri("/_local/faults"), body).await;
        (answer.status().as_u16(), serde_json::from_slice::<Value>(answer.body()).unwrap())
    };
    let (status, told) = faults("GET", "").await;
    assert_eq!(
        (status, &told["faults"]),
        (200, &json!({ "push": { "lose": 0.5, "double": 0.0, "reorder": 0.0, "delay_ms": 0 }, "seed": 7 }))
    );

    assert_eq!(faults("PUT", r#"{"kill":{"function":"echo","at":"before_handler","rate":1}}"#).await.0, 200);
    assert_eq!(send(address, Request::post("/echo"), "{}").await.status(), 500);
    assert_eq!(faults("GET", "").await.1["happened"]["kill.before_handler"], 1);
    let (status, refused) = faults("PUT", r#"{"kill":{"function":"echo","at":"noon"}}"#).await;
    assert_eq!((status, refused["field"].as_str()), (400, Some("kill.at")));
    assert_eq!(faults("PUT", "{}").await, (200, json!({ "faults": {}, "happened": {} })));
    assert_eq!(send(address, Request::post("/echo"), "{}").await.status(), 200);

    kill(Pid::from_raw(running.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert!(running.wait().unwrap().success());
}

#[tokio::test]
async fn wrong_flags_end_the_start_with_the_field() {
    for (faults, reason) in [
        (r#"{"push":{"lose":2}}"#, "push.lose: expected a rate"),
        ("@/nowhere", "/nowhere cannot be read"),
        (r#"{"kill":{"at":"after_commit","function":"nobody"}}"#, "kill.function: there is no function"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let output = up(&data, &["--faults", faults]).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{faults}: {said}");
    }
}
