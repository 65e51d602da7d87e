//! The inspection pages: they show everything that happened without secrets, and only to this machine's own pages.

use http::{Request, Response, StatusCode};
use local::cloud::{Cloud, CloudOptions, DataLocation};
use serde_json::{Value, json};

use crate::cloud::options;
use crate::http_client::send;
use crate::support::{self, until};

async fn started() -> Cloud {
    Cloud::start(CloudOptions { inspect: true, ..options(&[]) }).await.unwrap()
}

async fn get(cloud: &Cloud, path: &str) -> Response<bytes::Bytes> {
    send(cloud.address(), Request::get(path), "").await
}

async fn shown(cloud: &Cloud, path: &str) -> Value {
    let answer = get(cloud, path).await;
    assert_eq!(answer.status(), 200, "{path}: {:?}", answer.body());
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_lists_what_runs_with_its_metrics() {
    let cloud = started().await;
    for _ in 0..5 {
        assert_eq!(send(cloud.address(), Request::post("/echo"), "{}").await.status(), 200);
    }
    let (_, error) = support::failure(cloud.lambda().invoke("EchoFunction", r#"{"error":"no such room"}"#.into()).await.unwrap());
    until("all are recorded", || cloud.lambda().journal().metrics()["EchoFunction"].invocations == 7).await;

    let state = shown(&cloud, "/_local/state").await;
    let echo = &state["functions"][0];
    assert_eq!((&echo["id"], &echo["binary"], &echo["memory_mb"]), (&json!("EchoFunction"), &json!("echo"), &json!(128)));
    // The custom resource was the first invocation.
    assert_eq!((&echo["invocations"], &echo["failures"], &echo["cold_starts"]), (&json!(7), &json!(1), &json!(1)));
    assert!(echo["p50_us"].as_u64().unwrap() > 0 && echo["p50_us"].as_u64() <= echo["p99_us"].as_u64(), "{echo}");
    let instance = &echo["instances"][0];
    assert_eq!((&instance["invocations"], &instance["busy"]), (&json!(7), &json!(false)));
    assert!(instance["resident_bytes"].as_u64().unwrap() > 1_000_000, "{instance}");
    assert_eq!(state["tables"], json!([{ "name": "Things", "items": 0, "more": false }]));
    assert_eq!(state["stores"][0]["running"], true);
    assert!(!state.to_string().contains("conchat:conchat"), "{state}");
    let empty = json!({ "visible": 0, "in_flight": 0, "delayed": 0, "oldest_age_ms": null, "fifo": false, "functions": [] });
    let queue = |name: &str, dead_letters_of: &[&str]| {
        let mut queue = empty.clone();
        queue["name"] = json!(name);
        queue["dead_letters_of"] = json!(dead_letters_of);
        queue
    };
    assert_eq!(state["queues"], json!([queue("Jobs", &[]), queue("Letters", &["Jobs"])]));
    // Inspection requests are not counted.
    assert_eq!(state["gateway"]["http_requests"], 5);

    let failed = shown(&cloud, "/_local/invocations?after=6&function=echo&lines=1").await;
    assert_eq!(failed["invocations"].as_array().map(Vec::len), Some(1));
    let failed = &failed["invocations"][0];
    assert_eq!((&failed["failed"], &failed["lines"]), (&json!(true), &json!([])));
    assert!(failed["result"].as_str().unwrap().ends_with(&error), "{failed}");
    assert_eq!(get(&cloud, "/_local/invocations?limit=7").await.status(), 400);
    assert_eq!(get(&cloud, "/_local/invocations/99").await.status(), 404);
    assert_eq!(get(&cloud, "/_local/nothing").await.status(), 404);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_is_shown_without_its_secrets() {
    let cloud = started().await;
    let request = Request::post("/echo?ticket=s3cr3t&limit=2")
        .header("authorization", "Bearer s3cr3t")
        .header("cookie", "session=s3cr3t")
        .header("content-type", "application/json");
    assert_eq!(send(cloud.address(), request, r#"{"username":"ada","password":"s3cr3t"}"#).await.status(), 200);
    let printing = r#"{"print":"{\"level\":\"INFO\",\"token\":\"s3cr3t\",\"user\":7}"}"#;
    support::success(cloud.lambda().invoke("EchoFunction", printing.into()).await.unwrap());
    until("both are recorded", || cloud.lambda().journal().since(0).len() == 3).await;

    let (first, second) = (shown(&cloud, "/_local/invocations/2").await, shown(&cloud, "/_local/invocations/3").await);
    assert_eq!(first["what"], "POST /echo");
    assert_eq!(first["event"]["queryStringParameters"], json!({ "ticket": "•••", "limit": "2" }));
    assert_eq!(first["response"]["event"]["headers"]["authorization"], "•••");
    assert_eq!(second["lines"][0], r#"{"level":"INFO","token":"•••","user":7}"#);
    let all = format!("{first}{second}");
    assert!(!all.contains("s3cr3t") && !all.contains("conchat:conchat") && all.contains("ada"), "{all}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_found_by_the_next_start_and_can_be_sent_again() {
    let data = tempfile::tempdir().unwrap();
    let letter = json!({
        "requestContext": {
            "requestId": "of-yesterday",
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:EchoFunction:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": { "n": 7, "token": "s3cr3t" },
        "responsePayload": { "errorMessage": "the database was away" },
    });
    let file = data.path().join("dead-letters.jsonl");
    std::fs::write(&file, format!("{letter}\n")).unwrap();
    let cloud = Cloud::start(CloudOptions { inspect: true, data: DataLocation::Persistent(data.path().into()), ..options(&[]) })
        .await
        .unwrap();

    let listed = shown(&cloud, "/_local/dead-letters").await;
    let listed = &listed["dead_letters"][0];
    assert_eq!(listed["event"], r#"{"n":7,"token":"•••"}"#);
    assert_eq!((&listed["function"], &listed["error"]), (&json!("EchoFunction"), &json!("the database was away")));

    let again = || Request::post("/_local/dead-letters/of-yesterday/send-again");
    let foreign = send(cloud.address(), again().header("origin", "https://elsewhere.example"), "").await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let own = again().header("origin", format!("http://{}", cloud.address()));
    assert_eq!(send(cloud.address(), own, "").await.status(), StatusCode::ACCEPTED);
    until("it ran", || cloud.lambda().journal().recent().iter().any(|run| run.event.ends_with(br#""token":"s3cr3t"}"#))).await;
    assert_eq!(send(cloud.address(), again(), "").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_one_that_no_other_page_can_use() {
    let cloud = started().await;
    for (path, kind) in [("/_local/", "text/html"), ("/_local/page.css", "text/css"), ("/_local/page.js", "text/javascript")] {
        let answer = get(&cloud, path).await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap();
        assert_eq!(answer.status(), 200);
        assert!(header("content-type").starts_with(kind));
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    }
    assert_eq!(get(&cloud, "/_local").await.headers()["location"], "/_local/");
    assert_eq!(send(cloud.address(), Request::delete("/_local/state"), "").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    cloud.stop().await;

    let plain = Cloud::start(options(&[])).await.unwrap();
    assert_eq!(get(&plain, "/_local/state").await.status(), 404, "without being asked to, a cloud shows nothing");
    plain.stop().await;
}
