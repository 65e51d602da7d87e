//! The HTTP API: events of payload format 2.0, responses, errors, limits and CORS.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::Response;
use http_body_util::Full;
use local::gateway::{Backend, Gateway, GatewayOptions, Limits};
use local::lambda::Outcome;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::{HttpConnection, head, request};
use crate::fixture::{Behavior, Fixture, TEMPLATE, ok, stack};

const ORIGIN: &str = "origin: https://app.example.com";

fn answering(value: Value) -> impl Fn(&str, &Value) -> Behavior + Send + Sync + 'static {
    move |_, _| Behavior::Answer(value.clone())
}

#[tokio::test]
async fn an_event_is_exactly_payload_format_2() {
    let mut fixture = Fixture::start(|_, _| ok()).await;
    let headers = [
        "host: localhost:8081",
        "Content-Type: application/json",
        "X-Twice: a",
        "X-Twice: b",
        "Cookie: sid=abc; x=1",
        "User-Agent: tester",
        "X-Amzn-Trace-Id: Root=1-abc",
        "Connection: keep-alive",
    ];
    let answer = request(fixture.address, "POST", "/api/rooms?a=1&a=2&b=x%20y+z", &headers, r#"{"name":"ä"}"#).await;
    assert_eq!(answer.status, 200);
    let mut event = fixture.event("Rooms").await;
    let context = &mut event["requestContext"];
    assert_eq!(context["requestId"].take().as_str().unwrap().len(), 16);
    assert!(context["time"].take().as_str().unwrap().ends_with(" +0000"));
    assert!(context["timeEpoch"].take().as_u64().unwrap() > 1_700_000_000_000);
    let port = fixture.address.port().to_string();
    let expected = json!({
        "version": "2.0", "routeKey": "POST /api/rooms", "rawPath": "/api/rooms", "rawQueryString": "a=1&a=2&b=x%20y+z",
        "cookies": ["sid=abc", "x=1"],
        "headers": {
            "content-length": "13", "content-type": "application/json", "host": "localhost:8081", "user-agent": "tester",
            "x-amzn-trace-id": "Root=1-abc", "x-forwarded-for": "127.0.0.1", "x-forwarded-port": port, "x-forwarded-proto": "http",
            "x-twice": "a,b"
        },
        "queryStringParameters": {"a": "1,2", "b": "x y z"},
        "requestContext": {
            "accountId": "000000000000", "apiId": "Api", "domainName": "localhost:8081", "domainPrefix": "localhost",
            "http": {"method": "POST", "path": "/api/rooms", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "tester"},
            "requestId": null, "routeKey": "POST /api/rooms", "stage": "$default", "time": null, "timeEpoch": null
        },
        "body": "{\"name\":\"ä\"}", "isBase64Encoded": false
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn what_is_empty_is_absent() {
    let mut fixture = Fixture::start(|_, _| ok()).await;
    request(fixture.address, "GET", "/api/rooms", &[], "").await;
    let event = fixture.event("Rooms").await;
    let members: Vec<&String> = event.as_object().unwrap().keys().collect();
    let expected = ["headers", "isBase64Encoded", "rawPath", "rawQueryString", "requestContext", "routeKey", "version"];
    assert_eq!(members, expected);
    assert!(event["headers"]["x-amzn-trace-id"].as_str().unwrap().starts_with("Root=1-"));
    assert_eq!(event["requestContext"]["http"].get("userAgent"), None);
}

#[tokio::test]
async fn path_parameters_are_decoded() {
    let mut fixture = Fixture::start(|_, _| ok()).await;
    request(fixture.address, "GET", "/api/rooms/a%20b%2Fc", &[], "").await;
    let event = fixture.event("Rooms").await;
    assert_eq!(event["pathParameters"], json!({"room_id": "a b/c"}));
    assert_eq!(event["rawPath"], "/api/rooms/a%20b%2Fc");
    assert_eq!(event["routeKey"], "GET /api/rooms/{room_id}");
    request(fixture.address, "DELETE", "/any/x/y%3D", &[], "").await;
    let event = fixture.event("Rooms").await;
    assert_eq!(event["pathParameters"], json!({"proxy": "x/y="}));
    assert_eq!(event["routeKey"], "ANY /any/{proxy+}");
    request(fixture.address, "GET", "/any/", &[], "").await;
    let event = fixture.event("Rooms").await;
    assert_eq!((&event["routeKey"], &event["rawPath"]), (&json!("ANY /any/{proxy+}"), &json!("/any/")));
}

#[tokio::test]
async fn bodies_that_are_no_text_are_base64() {
    let mut fixture = Fixture::start(|_, _| ok()).await;
    for (kind, body, expected) in [
        ("image/png", &b"\x00\xff"[..], Some("AP8=")),
        ("application/x-www-form-urlencoded", b"a=1", Some("YT0x")),
        ("application/json", b"\xff", Some("/w==")),
        ("text/plain; charset=utf-8", b"a", None),
        ("application/problem+json", b"{}", None),
    ] {
        request(fixture.address, "POST", "/api/rooms", &[&format!("content-type: {kind}")], body).await;
        let event = fixture.event("Rooms").await;
        assert_eq!(event["isBase64Encoded"], expected.is_some(), "{kind}");
        assert_eq!(event["body"], expected.unwrap_or_else(|| std::str::from_utf8(body).unwrap()), "{kind}");
    }
}

#[tokio::test]
async fn a_chunked_body_is_put_together() {
    let mut fixture = Fixture::start(|_, _| ok()).await;
    let mut wire = HttpConnection::open(fixture.address).await;
    wire.write(head("POST", "/api/rooms", &["transfer-encoding: chunked", "content-type: text/plain"], 0)).await;
    wire.write("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n").await;
    assert_eq!(wire.answer(true).await.status, 200);
    let event = fixture.event("Rooms").await;
    assert_eq!(event["body"], "abc");
    assert_eq!(event["headers"].get("transfer-encoding"), None);
}

#[tokio::test]
async fn a_response_is_mapped() {
    let fixture = Fixture::start(answering(json!({
        "statusCode": 201,
        "headers": {"x-one": "1", "content-type": "application/json", "x-number": 5, "connection": "close", "content-length": "999"},
        "multiValueHeaders": {"x-many": ["a", "b"]},
        "cookies": ["a=b; HttpOnly", "c=d"],
        "body": "eyJvayI6dHJ1ZX0=",
        "isBase64Encoded": true
    })))
    .await;
    let answer = request(fixture.address, "POST", "/api/rooms", &[], "x").await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json(), json!({"ok": true}));
    assert_eq!(answer.header("x-one"), Some("1"));
    assert_eq!(answer.header("x-number"), Some("5"));
    assert_eq!(answer.all("x-many"), ["a", "b"]);
    assert_eq!(answer.all("set-cookie"), ["a=b; HttpOnly", "c=d"]);
    assert_eq!(answer.header("connection"), None);
    assert_eq!(answer.header("content-length"), Some("11"));
    assert!(answer.header("apigw-requestid").is_some());
}

#[tokio::test]
async fn a_result_without_a_status_is_the_body() {
    let fixture = Fixture::start(answering(json!({"hello": "world"}))).await;
    let answer = request(fixture.address, "GET", "/api/rooms", &[], "").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"hello": "world"})));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let fixture = Fixture::start(|_, _| Behavior::Text("\"hello\"")).await;
    let answer = request(fixture.address, "GET", "/api/rooms", &[], "").await;
    assert_eq!((answer.status, answer.text()), (200, "hello"));
}

#[tokio::test]
async fn a_malformed_result_is_a_500() {
    for text in [
        "",
        "{",
        r#"{"statusCode":"abc"}"#,
        r#"{"statusCode":99}"#,
        r#"{"statusCode":101}"#,
        r#"{"statusCode":200,"body":{"a":1}}"#,
        r#"{"statusCode":200,"headers":{"bad name":"x"}}"#,
        r#"{"statusCode":200,"headers":{"x":"a\r\nb: c"}}"#,
        r#"{"statusCode":200,"body":"%%%","isBase64Encoded":true}"#,
        r#"{"statusCode":200,"cookies":["a\nb"]}"#,
    ] {
        let fixture = Fixture::start(move |_, _| Behavior::Text(text)).await;
        let answer = request(fixture.address, "GET", "/api/rooms", &[], "").await;
        assert_eq!((answer.status, answer.text()), (500, r#"{"message":"Internal Server Error"}"#), "{text}");
    }
}

#[tokio::test]
async fn failures_have_the_answers_of_the_gateway() {
    let fixture = Fixture::start(|_, _| Behavior::Fail(json!({"errorType": "Sandbox.Timedout", "errorMessage": "…"}))).await;
    let answer = request(fixture.address, "GET", "/api/rooms", &[], "").await;
    assert_eq!((answer.status, answer.text()), (500, r#"{"message":"Internal Server Error"}"#));
    let fixture = Fixture::start(|_, _| Behavior::Throttle).await;
    let answer = request(fixture.address, "GET", "/api/rooms", &[], "").await;
    assert_eq!((answer.status, answer.text()), (503, r#"{"message":"Service Unavailable"}"#));
    let limits = Limits { http_timeout: Duration::from_millis(50), ..Limits::default() };
    let fixture = Fixture::with(limits, |_, _| Behavior::Later(Duration::from_secs(1), json!({}))).await;
    let answer = request(fixture.address, "GET", "/api/rooms", &[], "").await;
    assert_eq!((answer.status, answer.text()), (503, r#"{"message":"Service Unavailable"}"#));
}

#[tokio::test]
async fn what_no_route_takes_is_not_found() {
    let mut fixture = Fixture::start(|_, _| ok()).await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api/rooms/"),
        ("GET", "/api/rooms/1/2"),
        ("PUT", "/api/rooms"),
        ("HEAD", "/api/rooms"),
        ("OPTIONS", "*"),
        ("GET", "/any"),
        ("GET", "//api/rooms"),
    ] {
        let answer = request(fixture.address, method, path, &[], "").await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
    }
    let answer = request(fixture.address, "GET", "/nothing", &[], "").await;
    assert_eq!(answer.text(), r#"{"message":"Not Found"}"#);
    assert_eq!(fixture.invoked(), Vec::<String>::new());
}

#[tokio::test]
async fn limits_answer_413_414_and_431() {
    let limits = Limits { http_body: 100, request_head: 1000, ..Limits::default() };
    let mut fixture = Fixture::with(limits, |_, _| ok()).await;
    let answer = request(fixture.address, "POST", "/api/rooms", &[], vec![b'a'; 101]).await;
    assert_eq!((answer.status, answer.text()), (413, r#"{"message":"Request Entity Too Large"}"#));
    let mut wire = HttpConnection::open(fixture.address).await;
    wire.write(head("POST", "/api/rooms", &["transfer-encoding: chunked"], 0)).await;
    wire.write(format!("65\r\n{}\r\n0\r\n\r\n", "a".repeat(101))).await;
    assert_eq!(wire.answer(true).await.status, 413);
    let answer = request(fixture.address, "GET", "/api/rooms", &[&format!("x: {}", "a".repeat(1000))], "").await;
    assert_eq!(answer.status, 431);
    let answer = request(fixture.address, "GET", &format!("/api/rooms?{}", "a".repeat(1000)), &[], "").await;
    assert_eq!(answer.status, 414);
    assert_eq!(fixture.invoked(), Vec::<String>::new());
    let limits = Limits { payload: 1500, ..Limits::default() };
    let fixture = Fixture::with(limits, |_, _| ok()).await;
    assert_eq!(request(fixture.address, "POST", "/api/rooms", &["content-type: text/plain"], vec![b'a'; 1500]).await.status, 413);
    assert_eq!(request(fixture.address, "POST", "/api/rooms", &["content-type: text/plain"], vec![b'a'; 200]).await.status, 200);
}

#[tokio::test]
async fn malformed_http_is_a_400_and_others_are_served_on() {
    let fixture = Fixture::start(|_, _| ok()).await;
    for bytes in [
        "GARBAGE\r\n\r\n",
        "GET /api/rooms HTTP/1.1\r\n\r\n",
        "GET /api/rooms HTTP/1.1\r\nhost: a b\r\n\r\n",
        "GET /api/rooms HTTP/1.1\r\nhost: user@localhost\r\n\r\n",
        "GET /api/rooms HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET /api/rooms HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
        "POST /api/rooms HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        "POST /api/rooms HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut wire = HttpConnection::open(fixture.address).await;
        wire.write(bytes).await;
        assert_eq!(wire.answer(false).await.status, 400, "{bytes}");
    }
    assert_eq!(request(fixture.address, "GET", "/api/rooms", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_connection_is_kept_alive_and_takes_pipelined_requests() {
    let fixture = Fixture::start(|_, event| Behavior::Answer(json!({"statusCode": 200, "body": event["rawQueryString"]}))).await;
    let mut wire = HttpConnection::open(fixture.address).await;
    let three: String = (0..3).map(|number| head("GET", &format!("/api/rooms?{number}"), &[], 0)).collect();
    wire.write(three).await;
    for number in 0..3 {
        assert_eq!(wire.answer(true).await.text(), number.to_string());
    }
}

#[tokio::test]
async fn a_client_that_leaves_does_not_stop_its_function() {
    let mut fixture = Fixture::start(|_, _| Behavior::Later(Duration::from_millis(50), json!({}))).await;
    let mut wire = HttpConnection::open(fixture.address).await;
    wire.write(head("GET", "/api/rooms", &[], 0)).await;
    fixture.event("Rooms").await;
    drop(wire);
    assert_eq!(request(fixture.address, "GET", "/api/rooms", &[], "").await.status, 200);
}

#[tokio::test]
async fn preflights_are_answered_by_the_gateway() {
    let mut fixture = Fixture::start(|_, _| ok()).await;
    let asks = "access-control-request-method: POST";
    let answer = request(fixture.address, "OPTIONS", "/api/rooms", &[ORIGIN, asks], "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    let answer = request(fixture.address, "OPTIONS", "/any/where", &["origin: https://evil.example.com", asks], "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, None));
    assert_eq!(fixture.invoked(), Vec::<String>::new());
    let answer = request(fixture.address, "OPTIONS", "/any/where", &[], "").await;
    assert_eq!((answer.status, fixture.invoked()), (200, vec!["Rooms".to_owned()]));
}

#[tokio::test]
async fn cors_headers_of_functions_are_ignored() {
    let fixture = Fixture::start(answering(json!({
        "statusCode": 200,
        "headers": {"access-control-allow-origin": "*", "Access-Control-Allow-Methods": "TRACE", "x-total": "1"}
    })))
    .await;
    let answer = request(fixture.address, "GET", "/api/rooms", &[ORIGIN], "").await;
    assert_eq!(answer.all("access-control-allow-origin"), ["https://app.example.com"]);
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-total"));
    assert_eq!(answer.header("access-control-allow-methods"), None);
    let answer = request(fixture.address, "GET", "/api/rooms", &["origin: https://app.example.com.evil"], "").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let answer = request(fixture.address, "GET", "/missing", &[ORIGIN], "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (404, Some("https://app.example.com")));
}

#[tokio::test]
async fn without_a_configuration_functions_do_cors_themselves() {
    let text = "
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties: {Events: {All: {Type: HttpApi}}}
";
    let headers = json!({"statusCode": 200, "headers": {"access-control-allow-origin": "*"}});
    let mut fixture = Fixture::of(&stack(text), Limits::default(), answering(headers)).await;
    let answer = request(fixture.address, "OPTIONS", "/x", &[ORIGIN, "access-control-request-method: GET"], "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    let event = fixture.event("F").await;
    assert_eq!((&event["routeKey"], event.get("pathParameters")), (&json!("$default"), None));
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_lets_answers_out() {
    let mut fixture = Fixture::start(|_, _| Behavior::Later(Duration::from_millis(100), json!({"statusCode": 204}))).await;
    let (mut idle, mut busy) = (HttpConnection::open(fixture.address).await, HttpConnection::open(fixture.address).await);
    busy.write(head("GET", "/api/rooms", &[], 0)).await;
    fixture.event("Rooms").await;
    fixture.gateway.stop().await;
    assert_eq!(busy.answer(true).await.status, 204);
    assert!(idle.is_ended().await);
}

#[tokio::test]
async fn files_are_served_where_no_route_is_and_nothing_outside_of_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("web");
    std::fs::create_dir_all(inside.join("api")).unwrap();
    for (name, content) in [("secret.txt", "secret"), ("web/index.html", "<p>"), ("web/app.js", "1"), ("web/api/rooms", "no")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), inside.join("link.txt")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = Backend::Memory(Arc::new(|_, _| async { Ok(Outcome::Success("{}".into())) }.boxed()));
    let options = GatewayOptions { static_dir: Some(inside), ..GatewayOptions::default() };
    let gateway = Gateway::start(listener, &stack(TEMPLATE), backend, options).unwrap();
    let get = async |path: &str| {
        let answer = request(gateway.address(), "GET", path, &[], "").await;
        (answer.status, answer.header("content-type").unwrap_or_default().to_owned(), answer.text().to_owned())
    };
    assert_eq!(get("/").await, (200, "text/html; charset=utf-8".to_owned(), "<p>".to_owned()));
    assert_eq!(get("/app.js?v=1").await, (200, "text/javascript; charset=utf-8".to_owned(), "1".to_owned()));
    assert_eq!(get("/api/rooms").await.2, "{}", "a route goes before a file");
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/link.txt",
        "/none",
        "/api",
        "/%00",
        "//etc/passwd",
        "/%2fetc/passwd",
    ] {
        assert_eq!(get(path).await.0, 404, "{path}");
    }
    assert_eq!(request(gateway.address(), "POST", "/app.js", &[], "").await.status, 404);
}

#[tokio::test]
async fn an_inspector_answers_this_machine_below_its_path() {
    let fixture = Fixture::start(|_, _| ok()).await;
    assert_eq!(request(fixture.address, "GET", "/_local/x", &[], "").await.status, 404);
    fixture.gateway.set_inspector(Arc::new(|request| {
        let told = format!("{} {} {}", request.method(), request.uri(), request.body().len());
        async { Response::new(Full::new(told.into())) }.boxed()
    }));
    assert_eq!(request(fixture.address, "PUT", "/_local/faults?a=1", &[], "abc").await.text(), "PUT /_local/faults?a=1 3");
    assert_eq!(request(fixture.address, "GET", "/_local/x", &["host: evil.example.com"], "").await.status, 403);
    assert_eq!(request(fixture.address, "GET", "/_localx", &[], "").await.status, 404);
}

#[tokio::test]
async fn two_websocket_apis_cannot_share_a_stage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = Backend::Memory(Arc::new(|_, _| async { Ok(Outcome::Success("{}".into())) }.boxed()));
    let stack = stack(&TEMPLATE.replace("StageName: open", "StageName: ws"));
    let error = Gateway::start(listener, &stack, backend, GatewayOptions::default()).unwrap_err();
    assert!(error.to_string().contains("two WebSocket APIs have the stage ws"), "{error}");
}
