//! The command `local`: it stops what it started, and after SIGKILL nothing remains that blocks the next start.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http::Request;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::Connection as _;

use crate::cloud::template;
use crate::http_client::send;
use crate::support::{alive, binaries, until};

struct Running {
    process: Child,
    http: SocketAddr,
    database: String,
    output: BufReader<std::process::ChildStdout>,
}

fn local(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(arguments).arg("--data").arg(data).env_remove("DATABASE_URL").env_remove("PORT");
    command
}

/// Reads the output until the cloud is up.
fn up(data: &Path) -> Running {
    let mut process = up_command(data).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let (mut http, mut database, mut line) = (None, None, String::new());
    while !line.contains("Ctrl-C stops it") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "it ended before it was up");
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["HTTP", url] => http = url.strip_prefix("http://").and_then(|address| address.parse().ok()),
            ["Database", url] => database = Some((*url).to_owned()),
            _ => {}
        }
    }
    Running { process, http: http.unwrap(), database: database.unwrap(), output }
}

fn up_command(data: &Path) -> Command {
    let mut command = local(&["up", "--port", "0"], data);
    command.arg("--template").arg(template()).arg("--bin-dir").arg(binaries());
    command
}

fn signal(process: &Child, signal: Signal) {
    kill(Pid::from_raw(process.id().try_into().unwrap()), signal).unwrap();
}

/// Child processes of a running cloud: an instance and the database.
async fn children(running: &Running, data: &Path) -> [u32; 2] {
    let response = send(running.http, Request::post("/echo"), "").await;
    let answer: Value = serde_json::from_slice(response.body()).unwrap();
    let database = std::fs::read_to_string(data.join("mysql/server.pid")).unwrap().trim().parse().unwrap();
    [u32::try_from(answer["pid"].as_u64().unwrap()).unwrap(), database]
}

#[tokio::test]
async fn a_killed_start_leaves_nothing_that_blocks_the_next() {
    let data = tempfile::tempdir().unwrap();
    let mut first = up(data.path());
    let left = children(&first, data.path()).await;
    let mut connection = sqlx::MySqlConnection::connect(&first.database).await.unwrap();
    sqlx::raw_sql("CREATE TABLE t (id INT PRIMARY KEY)").execute(&mut connection).await.unwrap();
    signal(&first.process, Signal::SIGKILL);
    first.process.wait().unwrap();

    // Immediately, while the watchdog is still working.
    let mut second = up(data.path());
    until("what the first had started is gone", || !left.iter().any(|pid| alive(*pid))).await;
    let mut connection = sqlx::MySqlConnection::connect(&second.database).await.unwrap();
    sqlx::raw_sql("INSERT INTO t VALUES (1)").execute(&mut connection).await.unwrap();
    let here = children(&second, data.path()).await;

    signal(&second.process, Signal::SIGTERM);
    assert!(second.process.wait().unwrap().success());
    assert!(!here.iter().any(|pid| alive(*pid)));
    assert!(!data.path().join("running.json").exists());
}

#[tokio::test]
async fn ctrl_c_ends_it_with_success_and_a_second_instance_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let mut running = up(data.path());
    let second = up_command(data.path()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        !second.status.success()
            && said.contains("is in use by another `local`")
            && said.contains(&running.process.id().to_string()),
        "{said}"
    );

    children(&running, data.path()).await;
    signal(&running.process, Signal::SIGINT);
    assert!(running.process.wait().unwrap().success());
    let rest: Vec<String> = running.output.by_ref().lines().map(Result::unwrap).collect();
    assert!(rest.iter().any(|line| line.contains("EchoFunction") && line.contains("ms")), "an invocation is a line: {rest:?}");
}

#[tokio::test]
async fn another_terminal_invokes_functions_and_reads_their_logs() {
    let data = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let mut command = local(arguments, data.path());
        let output = command.arg("--template").arg(template()).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.success(), text)
    };
    let (done, text) = said(&["logs"]);
    assert!(!done && text.contains("no cloud runs on") && text.contains("make run"), "{text}");

    let mut running = up(data.path());
    let event = data.path().join("event.json");
    std::fs::write(&event, r#"{"print":"the word of the day","token":"SECRET"}"#).unwrap();
    let (done, text) = said(&["invoke", "echo", event.to_str().unwrap()]);
    assert!(done && text.contains("the word of the day"), "{text}");
    std::fs::write(&event, r#"{"error":"no such room"}"#).unwrap();
    let (done, text) = said(&["invoke", "EchoFunction", event.to_str().unwrap()]);
    assert!(!done && text.contains("EchoFunction failed: no such room"), "{text}");
    let (done, text) = said(&["invoke", "nobody"]);
    assert!(!done && text.contains("no function nobody; it has echo"), "{text}");

    let (done, text) = said(&["logs", "echo"]);
    assert!(done && text.contains("\n      the word of the day\n") && text.contains("FAILED"), "{text}");

    let mut following =
        local(&["logs", "--follow"], data.path()).arg("--template").arg(template()).stdout(Stdio::piped()).spawn().unwrap();
    std::fs::write(&event, r#"{"print":"something new"}"#).unwrap();
    assert!(said(&["invoke", "echo", event.to_str().unwrap()]).0);
    let lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line.trim() == "something new"));

    signal(&running.process, Signal::SIGINT);
    assert!(running.process.wait().unwrap().success());
    assert!(following.wait().unwrap().success(), "whoever follows ends with the cloud");
}

#[tokio::test]
async fn only_what_cargo_builds_is_watched() {
    let data = tempfile::tempdir().unwrap();
    let output = up_command(data.path()).arg("--watch").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("--watch builds into target/debug"), "{said}");
}

#[tokio::test]
async fn the_database_alone_prints_its_url_and_reset_forgets_it() {
    let data = tempfile::tempdir().unwrap();
    let mut process = local(&["mysql"], data.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
    sqlx::MySqlConnection::connect(url.trim()).await.unwrap();
    signal(&process, Signal::SIGTERM);
    assert!(process.wait().unwrap().success());
    assert!(data.path().join("mysql").is_dir());
    let reset = |data: &Path| {
        let output = local(&["reset"], data).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.success(), text)
    };
    assert_eq!(reset(data.path()), (true, "All data is deleted.\n".into()));
    assert!(!data.path().join("mysql").exists());

    let folder_of_somebody = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder_of_somebody.path().join("s3")).unwrap();
    assert_eq!(reset(folder_of_somebody.path()), (true, "There is no data to delete.\n".into()));
    assert!(folder_of_somebody.path().join("s3").is_dir(), "what is no data folder is left alone");
    let file = folder_of_somebody.path().join("notes.txt");
    std::fs::write(&file, "mine").unwrap();
    let (done, said) = reset(&file);
    assert!(!done && said.contains("notes.txt is a file") && file.is_file(), "{said}");
}

#[test]
fn seed_reports_an_unreachable_cloud() {
    let data = tempfile::tempdir().unwrap();
    let output = local(&["seed", "--url", "http://127.0.0.1:1"], data.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("no response from http://127.0.0.1:1") && said.contains("make run"),
        "{said}"
    );
}
