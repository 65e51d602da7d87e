//! Attacks on access tokens from the usual lists. Every forgery is refused with the code of a missing token.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const SECRET: &str = "a-secret-of-at-least-thirty-two-bytes";
const ME: Claims = Claims { user: UserId(7), session: SessionId(9) };

pub(in crate::domain) fn keys(text: &str) -> TokenKeys {
    TokenKeys::new(&Secret::new(text), false).unwrap_or_else(|refused| panic!("{refused}"))
}

fn good_header() -> Value {
    json!({"typ": "at+jwt", "alg": "HS256", "kid": "1"})
}

fn good_body() -> Value {
    let now = NOW.seconds();
    json!({"sub": "7", "sid": "9", "iat": now, "exp": now + 600, "iss": "conchat", "aud": "conchat"})
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    object[field] = value;
    object
}

fn without(mut object: Value, field: &str) -> Value {
    object.as_object_mut().and_then(|fields| fields.remove(field));
    object
}

fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn opened(part: &str) -> Value {
    URL_SAFE_NO_PAD.decode(part).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// A token with a valid signature of `secret` and any contents.
fn signed(header: &str, body: &str, secret: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(body));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn forged(header: &Value, body: &Value) -> String {
    signed(&header.to_string(), &body.to_string(), SECRET)
}

fn code(token: &str, now: Timestamp) -> &'static str {
    keys(SECRET).verify(token, now).map_or_else(|refused| refused.code(), |claims| if claims == ME { "me" } else { "another" })
}

fn refused(what: &str, token: &str) {
    assert_eq!(code(token, NOW), "unauthenticated", "{what}");
}

#[test]
fn what_we_sign_we_verify() {
    let keys = keys(SECRET);
    let token = keys.sign(ME, Duration::from_mins(10), NOW).unwrap_or_default();
    assert_eq!(keys.verify(&token, NOW).ok(), Some(ME));
    let said: Vec<Value> = token.split('.').take(2).map(opened).collect();
    assert_eq!(said, [good_header(), good_body()], "and this is all that it says");
}

#[test]
fn j1_no_other_algorithm_is_taken() {
    for alg in ["none", "None", "NONE", "nOnE", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", "", "HS256 "] {
        let header = with(good_header(), "alg", json!(alg));
        refused(alg, &forged(&header, &good_body()));
        refused(alg, &format!("{}.{}.", encoded(&header.to_string()), encoded(&good_body().to_string())));
    }
    refused("absent", &forged(&without(good_header(), "alg"), &good_body()));
    refused("a list", &forged(&with(good_header(), "alg", json!(["HS256"])), &good_body()));
}

#[test]
fn j2_a_signature_cannot_be_left_out_or_bent() {
    let token = forged(&good_header(), &good_body());
    let (message, signature) = token.rsplit_once('.').unwrap_or_default();
    let standard = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap_or_default());
    for bent in [
        "",
        "=",
        "AAAA",
        "..",
        &format!("{signature}="),
        &format!("{signature} "),
        &format!("{signature}.x"),
        &signature[1..],
        &standard,
    ] {
        refused(bent, &format!("{message}.{bent}"));
    }
    refused("no third part", message);
    refused("an empty key", &signed(&good_header().to_string(), &good_body().to_string(), ""));
    refused("another key", &signed(&good_header().to_string(), &good_body().to_string(), "another-secret-of-thirty-two-bytes!!"));
}

#[test]
fn j4_a_key_id_is_only_ever_compared() {
    let kids = ["", "2", "../../dev/null", "/proc/self/environ", "1' UNION SELECT 'a", "1 | id", "1\u{0}", " 1", "conchat"];
    for kid in kids {
        let header = with(good_header(), "kid", json!(kid));
        refused(kid, &forged(&header, &good_body()));
        refused(kid, &signed(&header.to_string(), &good_body().to_string(), ""));
    }
    refused("absent", &forged(&without(good_header(), "kid"), &good_body()));
    for kid in [json!(1), json!(["1"]), json!({"1": 1}), json!(null), json!("1".repeat(100_000))] {
        refused("another type", &forged(&with(good_header(), "kid", kid), &good_body()));
    }
}

#[test]
fn j5_a_token_brings_no_key_of_its_own() {
    let jwk = json!({"kty": "oct", "k": encoded("mine"), "alg": "HS256", "kid": "1"});
    let fields = [
        ("jwk", jwk),
        ("jku", json!("https://127.0.0.1:1/keys")),
        ("x5u", json!("https://127.0.0.1:1/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("anything", json!(1)),
    ];
    for (field, value) in fields {
        let header = with(good_header(), field, value);
        refused(field, &signed(&header.to_string(), &good_body().to_string(), "mine"));
        refused(field, &forged(&header, &good_body()));
    }
}

#[test]
fn j6_times_are_there_and_are_numbers() {
    for field in ["exp", "iat"] {
        refused(field, &forged(&good_header(), &without(good_body(), field)));
        for value in [json!("1900000000"), json!(null), json!(1e300), json!(1.8e9), json!([1]), json!(true)] {
            refused(field, &forged(&good_header(), &with(good_body(), field, value)));
        }
    }
    let now = NOW.seconds();
    refused("made in the future", &forged(&good_header(), &with(good_body(), "iat", json!(now + 6))));
    refused("good for ever", &forged(&good_header(), &with(good_body(), "exp", json!(i64::MAX))));
    refused("made before time", &forged(&good_header(), &with(good_body(), "iat", json!(i64::MIN))));
    refused("ends before it begins", &forged(&good_header(), &with(good_body(), "exp", json!(now - 1))));
    refused("not yet good", &forged(&good_header(), &with(good_body(), "nbf", json!(now + 3600))));
}

#[test]
fn j7_issuer_and_audience_are_exactly_ours() {
    for field in ["iss", "aud"] {
        refused(field, &forged(&good_header(), &without(good_body(), field)));
        for value in [
            json!("evil"),
            json!(["conchat"]),
            json!(["evil", "conchat"]),
            json!({}),
            json!(1),
            json!(null),
            json!("Conchat"),
            json!(""),
        ] {
            refused(field, &forged(&good_header(), &with(good_body(), field, value)));
        }
    }
}

#[test]
fn j8_person_and_session_are_there_and_are_ids() {
    for field in ["sub", "sid"] {
        refused(field, &forged(&good_header(), &without(good_body(), field)));
        for value in [
            json!(7),
            json!(""),
            json!("0"),
            json!("-7"),
            json!("07"),
            json!("7 "),
            json!("9007199254740992"),
            json!(["7"]),
            json!(null),
        ] {
            refused(field, &forged(&good_header(), &with(good_body(), field, value)));
        }
    }
}

#[test]
fn j9_no_other_kind_of_token_is_taken() {
    for kind in [json!("JWT"), json!("rt+jwt"), json!(null), json!("AT+JWT"), json!(["at+jwt"])] {
        refused("typ", &forged(&with(good_header(), "typ", kind), &good_body()));
    }
    let refresh = crate::domain::auth::refresh_tokens::RefreshSecret::random()
        .and_then(|fresh| fresh.to_token(&keys(SECRET), SessionId(9)));
    refused("a refresh token", &refresh.unwrap_or_default());
    refused("a ticket", "ticket-ticket-ticket-ticket-ticket-ticket");
}

#[test]
fn j10_keys_rotate_without_logging_anyone_out() {
    let (before, during, after) = (keys("old:secret-one"), keys("new:secret-two,old:secret-one"), keys("new:secret-two"));
    let (old, new) = (before.sign(ME, Duration::from_mins(10), NOW), during.sign(ME, Duration::from_mins(10), NOW));
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    assert_eq!(during.verify(&old, NOW).ok(), Some(ME));
    assert_eq!(during.verify(&new, NOW).ok(), Some(ME));
    assert_eq!(after.verify(&new, NOW).ok(), Some(ME));
    assert!(after.verify(&old, NOW).is_err(), "the old key is retired");
    let renamed = signed(&with(good_header(), "kid", json!("new")).to_string(), &good_body().to_string(), "secret-one");
    assert!(during.verify(&renamed, NOW).is_err(), "a key verifies under its own name alone");
}

const STRONG: &str = "mH3vQ0pX9sT7bLkZ2wYc5RfN8dJg4uAe";

#[test]
fn j11_the_real_cloud_refuses_weak_and_published_secrets() {
    let refusal = |text: &str, is_real| parse_keys(text, is_real).err().map(|refused| refused.0);
    assert_eq!(refusal("dev-super-secret-change-me", false), None);
    assert_eq!(refusal("dev-super-secret-change-me", true), Some("JWT_SECRET is the published development secret"));
    assert_eq!(refusal(&"x".repeat(31), true), Some("each secret in JWT_SECRET must have at least 32 bytes"));
    let random = "each secret in JWT_SECRET must be random: openssl rand -base64 48 makes one";
    for weak in [&"x".repeat(32), &"password".repeat(5), "abcdefghijklmnopqrstuvwxyz0123456789"] {
        assert_eq!((refusal(weak, true), refusal(weak, false)), (Some(random), None), "{weak}");
        assert_eq!(refusal(&format!("a:{STRONG},b:{weak}"), true), Some(random), "an old key opens as much as a new one");
    }
    assert_eq!((refusal(STRONG, true), refusal(&format!("a:{STRONG},b:{STRONG}"), true)), (None, None));
    assert_eq!(refusal(&format!("a:{STRONG},b:short"), true), Some("each secret in JWT_SECRET must have at least 32 bytes"));
    for broken in ["", " ", "a:", ":x", "a:x,", "a:x,y", "a b:x", "a:x,a:y"] {
        assert!(refusal(broken, false).is_some(), "{broken}");
    }
    assert_eq!(TokenKeys::new(&Secret::new("short"), true).err().map(|refused| refused.code()), Some("internal"));
}

#[test]
fn j14_a_token_cannot_be_made_anothers() {
    let token = forged(&good_header(), &good_body());
    let parts: Vec<_> = token.split('.').collect();
    refused("sub replaced", &format!("{}.{}.{}", parts[0], encoded(&with(good_body(), "sub", json!("8")).to_string()), parts[2]));
}

#[test]
fn j15_oversized_doubled_and_disguised_tokens_are_refused() {
    refused("64 KB", &forged(&good_header(), &with(good_body(), "pad", json!("x".repeat(65_536)))));
    refused("5 KB of dots", &".".repeat(5_000));
    let body = good_body().to_string();
    refused("sub twice", &signed(&good_header().to_string(), &body.replacen('{', "{\"sub\":\"8\",", 1), SECRET));
    refused("alg twice", &signed(&good_header().to_string().replacen('{', "{\"alg\":\"none\",", 1), &body, SECRET));
    let escaped = signed(&good_header().to_string(), &body.replace("\"sub\":\"7\"", "\"\\u0073ub\":\"7\",\"sub\":\"8\""), SECRET);
    refused("sub in disguise", &escaped);
}

#[test]
fn j16_what_is_no_token_is_refused() {
    for text in ["", ".", "..", "...", "a.b.c", "Bearer", "null", "{}", "\u{feff}", "ey.ey.ey", "💥.💥.💥"] {
        refused(text, text);
    }
    let token = forged(&good_header(), &good_body());
    refused("with its scheme", &format!("Bearer {token}"));
    refused("twice", &format!("{token},{token}"));
}

#[test]
fn j17_a_token_ends_five_seconds_after_its_time_and_not_before() {
    let token = forged(&good_header(), &good_body());
    let at = |seconds: i64| code(&token, NOW.plus_seconds(seconds));
    assert_eq!((at(599), at(600), at(605), at(606), at(100_000)), ("me", "me", "me", "token_expired", "token_expired"));
    assert_eq!((at(-5), at(-6)), ("me", "unauthenticated"), "and is not good before it was made");
    let foreign = signed(&good_header().to_string(), &good_body().to_string(), "another");
    assert_eq!(code(&foreign, NOW.plus_seconds(606)), "unauthenticated", "only a token of ours is told that it expired");
}

#[tokio::test]
async fn a_new_key_is_loaded_and_forged_tokens_do_not_cause_repeated_reads() {
    let readings = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&readings);
    let again = SecretReader::new(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Box::pin(async { Ok(Secret::new("k2:secret-two,k1:secret-one")) })
    });
    let running =
        TokenKeys::reloading(&Secret::new("k1:secret-one"), false, Some(again)).unwrap_or_else(|error| panic!("{error}"));
    let life = Duration::from_mins(10);
    let (old, new) = (keys("k1:secret-one").sign(ME, life, NOW), keys("k2:secret-two").sign(ME, life, NOW));
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    assert!(running.knows(&old) && !running.knows(&new) && running.knows("no token at all"));

    running.reload(running.knows(&old)).await;
    assert_eq!(readings.load(std::sync::atomic::Ordering::Relaxed), 0, "a known key needs no reading");
    running.reload(running.knows(&new)).await;
    assert_eq!((running.verify(&old, NOW).ok(), running.verify(&new, NOW).ok()), (Some(ME), Some(ME)));
    let stranger = keys("k3:secret-three").sign(ME, life, NOW).unwrap_or_default();
    for _ in 0..5 {
        running.reload(running.knows(&stranger)).await;
        assert!(running.verify(&stranger, NOW).is_err());
    }
    assert_eq!(readings.load(std::sync::atomic::Ordering::Relaxed), 1);
    let signed = running.sign(ME, life, NOW).unwrap_or_default();
    assert_eq!(keys("k2:secret-two").verify(&signed, NOW).ok(), Some(ME), "the first one signs");
}

#[tokio::test]
async fn keys_are_reloaded_every_five_minutes_and_kept_while_they_cannot_be_read() {
    let shelf = Arc::new(Mutex::new(Some("k2:secret-two")));
    let read = Arc::clone(&shelf);
    let again = SecretReader::new(move || {
        let text = *read.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(async move { text.map(Secret::new).ok_or_else(|| Error::unavailable("no answer")) })
    });
    let running =
        TokenKeys::reloading(&Secret::new("k1:secret-one"), false, Some(again)).unwrap_or_else(|error| panic!("{error}"));
    let token = |secret: &str| keys(secret).sign(ME, Duration::from_mins(30), NOW).unwrap_or_default();
    let (old, new, newest) = (token("k1:secret-one"), token("k2:secret-two"), token("k3:secret-three"));
    let verified = || [&old, &new, &newest].map(|token| running.verify(token, NOW).is_ok());
    let begun = Instant::now();
    let after = |minutes: f64| running.reload_at(true, begun + Duration::from_secs_f64(60.0 * minutes));

    after(4.9).await;
    assert_eq!(verified(), [true, false, false], "not before its time");
    after(5.1).await;
    assert_eq!(verified(), [false, true, false], "a key that was taken away opens nothing any more");
    *shelf.lock().unwrap_or_else(PoisonError::into_inner) = Some("k3:secret-three");
    after(10.0).await;
    assert_eq!(verified(), [false, true, false], "the five minutes begin anew");
    *shelf.lock().unwrap_or_else(PoisonError::into_inner) = None;
    after(10.2).await;
    assert_eq!(verified(), [false, true, false], "what cannot be read changes nothing");
    *shelf.lock().unwrap_or_else(PoisonError::into_inner) = Some("k3:secret-three");
    after(15.3).await;
    assert_eq!(verified(), [false, false, true]);
}
