//! Push notifications through the deployed functions and a push service on this machine, which verifies the sender and decrypts messages as a browser
//! does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_FIXED};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::api::{JSON, Person};
use crate::cloud::{Variable, World, own_world};
use crate::socket::Socket;
use crate::wait::until;

/// Longer than any notification takes on this machine.
const LATE: Duration = Duration::from_secs(20);
/// How long to wait when no notification is expected.
const SOON: Duration = Duration::from_secs(2);

/// A request to the push service.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) path: String,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A push service that answers as configured per path, else with 201.
pub(crate) struct Service {
    pub(crate) base: String,
    answers: Arc<Mutex<BTreeMap<String, Vec<u16>>>>,
    arrived: UnboundedReceiver<Arrived>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (tell, arrived) = mpsc::unbounded_channel();
        let answers: Arc<Mutex<BTreeMap<String, Vec<u16>>>> = Arc::default();
        let known = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tell, known) = (tell.clone(), Arc::clone(&known));
                let serve = service_fn(move |request: Request<Incoming>| {
                    let (tell, known) = (tell.clone(), Arc::clone(&known));
                    async move {
                        let (parts, body) = request.into_parts();
                        let path = parts.uri.path().to_owned();
                        let body = body.collect().await?.to_bytes();
                        let next = known.lock().expect("a lock").get_mut(&path).and_then(Vec::pop);
                        let _ = tell.send(Arrived { path, headers: parts.headers, body });
                        let status = next.unwrap_or(201);
                        let answer = Response::builder().status(status).header("location", "/redirected");
                        Ok::<_, hyper::Error>(answer.body(Empty::<Bytes>::new()).expect("an answer"))
                    }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
            }
        });
        Self { base, answers, arrived }
    }

    /// The next responses of a path, in order.
    fn answer(&self, path: &str, statuses: &[u16]) {
        let statuses = statuses.iter().rev().copied().collect();
        self.answers.lock().expect("a lock").insert(path.to_owned(), statuses);
    }

    pub(crate) async fn next(&mut self, within: Duration) -> Option<Arrived> {
        tokio::time::timeout(within, self.arrived.recv()).await.ok().flatten()
    }
}

/// A browser with a subscription.
pub(crate) struct Browser {
    key: PrivateKey,
    auth: [u8; 16],
    endpoint: String,
}

impl Browser {
    fn new(endpoint: String) -> Self {
        Self { key: PrivateKey::generate(&ECDH_P256).expect("a key"), auth: *b"sixteen bytes ok", endpoint }
    }

    fn public(&self) -> Vec<u8> {
        self.key.compute_public_key().expect("its public key").as_ref().to_vec()
    }

    /// The result of `PushSubscription.toJSON()`.
    fn subscription(&self) -> Value {
        let keys = json!({ "p256dh": URL_SAFE_NO_PAD.encode(self.public()), "auth": URL_SAFE_NO_PAD.encode(self.auth) });
        json!({ "endpoint": self.endpoint, "expirationTime": null, "keys": keys })
    }

    pub(crate) async fn subscribe(world: &World, who: &Person, endpoint: String) -> Self {
        let browser = Self::new(endpoint);
        world.api.put("/api/push/subscription", who, browser.subscription()).await.is(204);
        browser
    }

    /// Decrypts a message according to RFC 8188 and RFC 8291.
    pub(crate) fn read(&self, body: &[u8]) -> Value {
        let (header, record) = body.split_at(86);
        let (salt, theirs) = (&header[..16], &header[21..]);
        assert_eq!((&header[16..20], header[20], body.len() <= 4096), (&4096_u32.to_be_bytes()[..], 65, true));
        let shared = agree(&self.key, UnparsedPublicKey::new(&ECDH_P256, theirs), (), |secret| {
            let prk = Salt::new(HKDF_SHA256, &self.auth).extract(secret);
            Ok(expand(&prk, &[b"WebPush: info\0", &self.public(), theirs], 32))
        })
        .expect("a secret");
        let prk = Salt::new(HKDF_SHA256, salt).extract(&shared);
        let key = UnboundKey::new(&AES_128_GCM, &expand(&prk, &[b"Content-Encoding: aes128gcm\0"], 16)).expect("a key");
        let nonce = Nonce::try_assume_unique_for_key(&expand(&prk, &[b"Content-Encoding: nonce\0"], 12)).expect("a nonce");
        let mut record = record.to_vec();
        let text = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), &mut record).expect("it is for this browser");
        let end = text.iter().rposition(|byte| *byte != 0).expect("a mark");
        assert_eq!(text[end], 2, "the last record");
        serde_json::from_slice(&text[..end]).expect("JSON")
    }
}

fn expand(prk: &Prk, info: &[&[u8]], length: usize) -> Vec<u8> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut bytes = vec![0; length];
    prk.expand(info, Length(length)).and_then(|okm| okm.fill(&mut bytes)).expect("bytes");
    bytes
}

/// The claims of a valid VAPID token signed with this key.
fn verified(headers: &HeaderMap, key: &str) -> Value {
    let value = headers["authorization"].to_str().expect("text");
    let (token, public) = value.strip_prefix("vapid t=").and_then(|rest| rest.split_once(", k=")).expect("RFC 8292");
    assert_eq!(public, key);
    let (text, signed) = token.rsplit_once('.').expect("three parts");
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let public = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(public));
    public.verify(text.as_bytes(), &bytes(signed)).expect("a signature that holds");
    serde_json::from_slice(&bytes(text.split('.').nth(1).expect("claims"))).expect("JSON")
}

fn quick_world() -> World {
    own_world(&[Variable("NOTIFY_PAUSE", "1")])
}

/// The number of finished invocations of `notify`.
fn notify_runs(world: &World) -> usize {
    world.cloud().lambda().journal().recent().iter().filter(|invocation| invocation.function == "NotifyFunction").count()
}

async fn say(world: &World, who: &Person, room: u64, text: &str) {
    world.api.post(&format!("/api/rooms/{room}/messages"), who, json!({ "content": text })).await.is(201);
}

#[tokio::test]
async fn only_the_subscribed_browser_can_decrypt_a_notification() {
    let world = quick_world();
    let mut service = Service::start().await;
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    let key = world.api.get_public("/api/push/key").await.is(200)["public_key"].as_str().expect("a key").to_owned();
    let browser = Browser::subscribe(&world, &bob, format!("{}/bob", service.base)).await;
    // Over a socket; the next one over HTTP.
    let mut socket = Socket::lean(&world.ws, &ann).await;
    socket.ask(json!({ "action": "send", "room_id": room, "content": "Soup today 🍲", "client_id": "n-1" })).await;
    let arrived = service.next(LATE).await.expect("a notification");
    assert_eq!(arrived.path, "/bob");
    for (name, value) in [("content-encoding", "aes128gcm"), ("ttl", "86400"), ("urgency", "normal")] {
        assert_eq!(arrived.headers[name], value);
    }
    assert_eq!(arrived.headers["topic"], format!("room-{room}").as_str());
    let claims = verified(&arrived.headers, &key);
    assert_eq!(claims["aud"], service.base);
    assert!(claims["sub"].as_str().is_some_and(|contact| contact.starts_with("https://")), "{claims}");
    let left = claims["exp"].as_i64().expect("a time")
        - i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs()).expect("a time");
    assert!((3600..=86_400).contains(&left), "{left}");
    let news = browser.read(&arrived.body);
    assert_eq!((&news["preview"], &news["room_id"], &news["room"]), (&json!("Soup today 🍲"), &json!(room), &json!("Group")));
    assert_eq!((&news["sender_id"], &news["url"]), (&json!(ann.id), &json!(format!("/#/rooms/{room}"))));
    // Waits for the end of the pause.
    say(&world, &ann, room, "Or salad").await;
    let arrived = service.next(LATE).await.expect("a notification");
    assert_eq!(browser.read(&arrived.body)["preview"], "Or salad");
}

#[tokio::test]
async fn online_logged_out_and_unsubscribed_users_get_no_notification() {
    let world = quick_world();
    let mut service = Service::start().await;
    let (ann, bob, cat) = (world.api.person("ann").await, world.api.person("bob").await, world.api.person("cat").await);
    let dan = world.api.person("dan").await;
    let room = world.api.group(&ann, &[&bob, &cat, &dan]).await;
    for who in [&ann, &bob, &cat, &dan] {
        Browser::subscribe(&world, who, format!("{}/{}", service.base, who.name)).await;
    }
    let _here = Socket::lean(&world.ws, &bob).await;
    world.api.post("/api/auth/logout", &cat, json!({})).await.is(204);
    world.api.delete("/api/push/subscription", &dan).await.is(204);
    say(&world, &ann, room, "Anybody there?").await;
    let arrived = service.next(SOON).await;
    assert!(arrived.is_none(), "{arrived:?}");
}

#[tokio::test]
async fn a_busy_push_service_is_asked_again_and_a_device_that_is_gone_is_not() {
    let world = quick_world();
    let mut service = Service::start().await;
    let (ann, bob) = (world.api.person("ann").await, world.api.person("bob").await);
    let room = world.api.group(&ann, &[&bob]).await;
    Browser::subscribe(&world, &bob, format!("{}/bob", service.base)).await;
    service.answer("/bob", &[429, 503]);
    say(&world, &ann, room, "1").await;
    for attempt in 1..=3 {
        assert!(service.next(LATE).await.is_some(), "attempt {attempt}");
    }
    service.answer("/bob", &[307]);
    say(&world, &ann, room, "2").await;
    assert_eq!(service.next(LATE).await.expect("a try").path, "/bob");
    let followed = service.next(SOON).await;
    assert!(followed.is_none(), "a redirect is not followed: {followed:?}");
    service.answer("/bob", &[410]);
    let ran = notify_runs(&world);
    say(&world, &ann, room, "3").await;
    assert_eq!(service.next(LATE).await.expect("a try").path, "/bob");
    until("the refusal is handled", async || notify_runs(&world) > ran).await;
    say(&world, &ann, room, "4").await;
    assert!(service.next(SOON).await.is_none(), "the device is forgotten");
}

#[tokio::test]
async fn invalid_subscriptions_are_refused() {
    let world = quick_world();
    let ann = world.api.person("ann").await;
    let put = async |body: Value| world.api.put("/api/push/subscription", &ann, body).await;
    for endpoint in [
        "http://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://not-a-push-service.example/x",
        "file:///etc/passwd",
        "",
    ] {
        let problem = put(Browser::new(endpoint.into()).subscription()).await.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], "endpoint", "{endpoint}");
    }
    let mut wrong = Browser::new("https://fcm.googleapis.com/fcm/send/x".into()).subscription();
    put(wrong.clone()).await.is(204);
    wrong["keys"]["p256dh"] = json!("AAAA");
    put(wrong).await.refused(422, "invalid_input");
    put(json!({})).await.refused(422, "invalid_input");
    world.api.raw(hyper::Method::PUT, "/api/push/subscription", &[JSON], "{}").await.refused(401, "unauthenticated");
}
