//! Sessions: refresh, revocation, and its immediate effect.

use shared::caller::Caller;
use shared::config::{Limits, Secret};
use shared::domain::auth::accounts::SignIn;
use shared::domain::auth::anonymous::AnonymousCaller;
use shared::domain::auth::sessions::{self, PresentedAccess, SessionOwner};
use shared::domain::auth::tokens::TokenKeys;
use shared::domain::limits::work_costs;
use shared::domain::paging::PageRequest;
use shared::error::{Error, Limit, Result};
use shared::id::SessionId;
use shared::protocol::accounts::{Authenticated, Tokens};

use crate::backend::{Backend, NOW, PASSWORD, visitor};
use crate::fixture::{limits, statements};

async fn refresh(backend: &Backend, token: &str) -> Result<Tokens> {
    sessions::refresh(&backend.db, backend.sign_in(&visitor("192.0.2.9")), token).await
}

async fn refresh_at(backend: &Backend, token: &str, seconds: i64) -> Result<Tokens> {
    let visitor = AnonymousCaller { now: NOW.plus_seconds(seconds), ..visitor("192.0.2.9") };
    sessions::refresh(&backend.db, backend.sign_in(&visitor), token).await
}

fn is_refused<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Unauthenticated("invalid_refresh_token")))
}

async fn is_ended(backend: &Backend, authenticated: &Authenticated) -> bool {
    matches!(backend.caller(authenticated).await, Err(Error::Unauthenticated("session_ended")))
}

#[tokio::test]
async fn each_refresh_token_works_once_and_gives_the_next() {
    let backend = Backend::open().await;
    let made = backend.register("ann").await;
    let mut token = made.tokens.refresh_token.clone();
    for _ in 0..3 {
        let next = refresh(&backend, &token).await.expect("refreshed");
        assert_ne!(next.refresh_token, token);
        sessions::authenticate(&backend.db, &backend.issuer.keys, &next.access_token, NOW).await.expect("signed in");
        token = next.refresh_token;
    }
    let caller = backend.caller(&made).await.expect("the session is the same");
    let list = sessions::list(&backend.db, &caller, PageRequest::default()).await.expect("a list").items;
    assert_eq!((list.len(), list[0].ip.as_str(), list[0].device.as_str()), (1, "192.0.2.9", "laptop"));
}

#[tokio::test]
async fn a_used_refresh_token_that_comes_back_late_ends_its_session() {
    let backend = Backend::open().await;
    let (ann, other) = (backend.register("ann").await, backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in"));
    let next = refresh(&backend, &ann.tokens.refresh_token).await.expect("refreshed");
    assert!(is_refused(&refresh_at(&backend, &ann.tokens.refresh_token, 30).await));
    assert!(is_ended(&backend, &ann).await, "the holder of the new token is logged out, too");
    assert!(is_refused(&refresh(&backend, &next.refresh_token).await));
    backend.caller(&other).await.expect("other sessions go on");
}

#[tokio::test]
async fn for_some_seconds_a_used_refresh_token_gives_what_it_gave() {
    let backend = Backend::open().await;
    let ann = backend.register("ann").await;
    let first = refresh(&backend, &ann.tokens.refresh_token).await.expect("refreshed");
    let again = refresh_at(&backend, &ann.tokens.refresh_token, 29).await.expect("the same once more");
    assert_eq!(first.refresh_token, again.refresh_token);
    assert!(!is_ended(&backend, &ann).await);
    let second = refresh(&backend, &first.refresh_token).await.expect("and it goes on from there");
    assert_ne!(second.refresh_token, first.refresh_token);
    assert!(is_refused(&refresh(&backend, &ann.tokens.refresh_token).await), "its successor was used: the token was copied");
    assert!(is_ended(&backend, &ann).await);
}

#[tokio::test]
async fn a_token_that_the_release_before_exchanged_is_an_old_one() {
    let backend = Backend::open().await;
    let ann = backend.register("ann").await;
    let next = refresh(&backend, &ann.tokens.refresh_token).await.expect("refreshed");
    // The key is new, and tokens are random.
    let caller = backend.caller(&ann).await.expect("signed in");
    sqlx::query("update sessions set refresh_hash = ? where id = ?")
        .bind([7_u8; 32].as_slice())
        .bind(caller.session.0)
        .execute(&mut *backend.db.acquire().await.expect("a connection"))
        .await
        .expect("written");
    assert!(is_refused(&refresh(&backend, &ann.tokens.refresh_token).await));
    assert!(is_refused(&refresh(&backend, &next.refresh_token).await));
    assert!(is_ended(&backend, &ann).await);
}

#[tokio::test]
async fn while_a_key_is_exchanged_two_refreshes_at_once_still_agree() {
    let backend = Backend::open().await;
    let ann = backend.register("ann").await;
    let mut ahead = backend.issuer.clone();
    ahead.keys = TokenKeys::new(&Secret::new("2:another-secret-for-tests,1:a-secret-for-tests"), false).expect("keys");
    let there = async |token: &str| {
        sessions::refresh(&backend.db, SignIn { issuer: &ahead, ..backend.sign_in(&visitor("192.0.2.9")) }, token).await
    };
    let here = refresh(&backend, &ann.tokens.refresh_token).await.expect("refreshed");
    let other = there(&ann.tokens.refresh_token).await.expect("the same for a holder of one more key");
    let secret = |token: &str| token.rsplit_once('.').map(|(text, _)| text.to_owned());
    assert_eq!(secret(&here.refresh_token), secret(&other.refresh_token));
    // Both are presented at once, with proofs of different keys.
    let one = there(&other.refresh_token).await.expect("refreshed");
    let two = there(&here.refresh_token).await.expect("and the same again");
    assert_eq!(one.refresh_token, two.refresh_token);
    assert!(!is_ended(&backend, &ann).await);
}

#[tokio::test]
async fn a_forged_refresh_token_ends_nothing() {
    let backend = Backend::open().await;
    let (ann, bob) = (backend.register("ann").await, backend.register("bob").await);
    let token = &ann.tokens.refresh_token;
    let (text, proof) = token.rsplit_once('.').expect("parts");
    let session = backend.caller(&bob).await.expect("signed in").session;
    let of_another = token.split('.').enumerate().map(|(at, part)| if at == 1 { session.to_string() } else { part.into() });
    let of_another = of_another.collect::<Vec<_>>().join(".");
    let flipped = format!("{text}.{}{}", if proof.starts_with('A') { 'B' } else { 'A' }, &proof[1..]);
    let mut foreign = backend.issuer.clone();
    foreign.keys = TokenKeys::new(&Secret::new("a-secret-of-others"), false).expect("a key");
    for forged in ["", "v1.1.x.y", &of_another, &flipped, text, &ann.tokens.access_token, &"v1.".repeat(10_000)] {
        assert!(is_refused(&refresh(&backend, forged).await), "{forged}");
    }
    let refused =
        sessions::refresh(&backend.db, SignIn { issuer: &foreign, ..backend.sign_in(&visitor("192.0.2.9")) }, token).await;
    assert!(is_refused(&refused), "nor one that was made by another key");
    backend.caller(&ann).await.expect("still signed in");
    backend.caller(&bob).await.expect("still signed in");
    refresh(&backend, token).await.expect("and the true one still works");
}

#[tokio::test]
async fn refreshes_at_once_agree_and_the_session_goes_on() {
    let backend = Backend::open().await;
    for round in 0..4 {
        let ann = backend.register(&format!("ann{round}")).await;
        let tries = (0..8).map(|_| {
            let (backend, token) = (backend.another(), ann.tokens.refresh_token.clone());
            tokio::spawn(async move {
                let done = refresh(&backend, &token).await;
                done.expect("refreshed").refresh_token
            })
        });
        let mut given = std::collections::BTreeSet::new();
        for one in tries.collect::<Vec<_>>() {
            given.insert(one.await.expect("ran"));
        }
        assert_eq!(given.len(), 1, "one successor for all");
        assert!(!is_ended(&backend, &ann).await);
        refresh(&backend, &given.pop_first().expect("one")).await.expect("it is the present one");
    }
}

#[tokio::test]
async fn refreshes_and_logins_are_counted_and_no_session_keeps_another_from_its_tokens() {
    let narrow = Limit { quota: 3, window: 60 };
    let backend = Backend::limited(Limits { connect: narrow, login: Limit { quota: 1, window: 60 }, ..limits() }).await;
    let (mut ann, bob) = (backend.register("ann").await, backend.register("bob").await);
    let code = |outcome: Result<Tokens>| outcome.map_or_else(|error| error.code(), |_| "ok");
    for _ in 0..3 {
        ann.tokens = refresh(&backend, &ann.tokens.refresh_token).await.expect("within the limit");
    }
    assert_eq!(code(refresh(&backend, &ann.tokens.refresh_token).await), "rate_limited");
    assert_eq!(code(refresh(&backend, &bob.tokens.refresh_token).await), "ok", "another session");
    let other = backend.login("ann", PASSWORD, "192.0.2.9").await.expect("logged in");
    assert_eq!(code(refresh(&backend, &other.tokens.refresh_token).await), "ok", "another session of hers");
    assert_eq!(code(refresh_at(&backend, &ann.tokens.refresh_token, 60).await), "ok", "a refused token is not used up");
    // Ten times as many logins as may fail.
    for number in 2..=12 {
        let again = backend.login("ann", PASSWORD, "192.0.2.9").await.map(|done| done.tokens);
        assert_eq!(code(again), if number <= 10 { "ok" } else { "rate_limited" }, "{number}");
    }
    backend.login("bob", PASSWORD, "192.0.2.9").await.expect("another person");
}

#[tokio::test]
async fn a_person_has_fifty_sessions_and_the_next_login_ends_the_one_used_least_recently() {
    let backend = Backend::open().await;
    let (ann, bob) = (backend.register("ann").await, backend.register("bob").await);
    let first = backend.login("ann", PASSWORD, "192.0.2.1").await.expect("logged in");
    // The first is used later than all others.
    let first = Authenticated { tokens: refresh_at(&backend, &first.tokens.refresh_token, 5).await.expect("refreshed"), ..first };
    let many = "insert into sessions (user_id, refresh_hash, device, ip, created_at, last_used_at, expires_at)
                select user_id, refresh_hash, device, ip, created_at, last_used_at + 1, expires_at from sessions where user_id = ?
                order by id limit 1";
    for _ in 0..48 {
        let mut connection = backend.db.acquire().await.expect("a connection");
        sqlx::query(many).bind(ann.user.user.id.0).execute(&mut *connection).await.expect("one more");
    }
    assert!(!is_ended(&backend, &ann).await, "fifty");
    let latest = backend.login("ann", PASSWORD, "192.0.2.1").await.expect("logged in");
    assert!(is_ended(&backend, &ann).await);
    for live in [&first, &latest, &bob] {
        assert!(!is_ended(&backend, live).await);
    }
    let caller = backend.caller(&latest).await.expect("signed in");
    let page = PageRequest { cursor: None, limit: Some(100) };
    assert_eq!(sessions::list(&backend.db, &caller, page).await.expect("a list").items.len(), 50);
}

#[tokio::test]
async fn logging_out_can_be_done_again_and_then_does_nothing_else() {
    let backend = Backend::open().await;
    let ann = backend.register("ann").await;
    let leaving = work_costs::of_route("POST", "/api/auth/logout", None);
    let leaver = async |token: &str| {
        let access = PresentedAccess { keys: &backend.issuer.keys, token, now: NOW };
        sessions::authenticate_logout(&backend.db, &backend.throttle, access, leaving).await
    };
    let first = leaver(&ann.tokens.access_token).await.expect("signed in");
    assert!(matches!(first, SessionOwner::SignedIn(_)));
    sessions::logout_all(&backend.db, &backend.push, &first).await.expect("logged out");
    let other = backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let second = leaver(&ann.tokens.access_token).await.expect("of ours, though its session has ended");
    assert!(matches!(second, SessionOwner::Ended { .. }), "{second:?}");
    sessions::logout_all(&backend.db, &backend.push, &second).await.expect("once more");
    sessions::logout(&backend.db, &backend.push, &second).await.expect("and once more");
    backend.caller(&other).await.expect("a session that has ended ends no other");
    let foreign = TokenKeys::new(&Secret::new("a-secret-of-others"), false).expect("a key");
    let present = PresentedAccess { keys: &foreign, token: &ann.tokens.access_token, now: NOW };
    let forged = sessions::authenticate_logout(&backend.db, &backend.throttle, present, leaving).await;
    assert!(matches!(forged, Err(Error::Unauthenticated("unauthenticated"))), "{forged:?}");
    let expired = PresentedAccess { keys: &backend.issuer.keys, now: NOW.plus_seconds(606), ..present };
    let late = sessions::authenticate_logout(&backend.db, &backend.throttle, expired, leaving).await;
    assert!(matches!(late, Err(Error::Unauthenticated("token_expired"))), "{late:?}");
}

#[tokio::test]
async fn what_is_ended_is_ended_with_the_next_request() {
    let backend = Backend::open().await;
    let first = backend.register("ann").await;
    let second = backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let third = backend.login("ann", PASSWORD, "192.0.2.3").await.expect("logged in");
    let (one, two) = (backend.caller(&first).await.expect("signed in"), backend.caller(&second).await.expect("signed in"));
    sessions::logout(&backend.db, &backend.push, &SessionOwner::SignedIn(one)).await.expect("logged out");
    assert!(is_ended(&backend, &first).await);
    assert!(is_refused(&refresh(&backend, &first.tokens.refresh_token).await));
    sessions::revoke(&backend.db, &backend.push, &two, backend.caller(&third).await.expect("signed in").session)
        .await
        .expect("revoked");
    assert!(is_ended(&backend, &third).await);
    backend.caller(&second).await.expect("still signed in");
    let fourth = backend.login("ann", PASSWORD, "192.0.2.4").await.expect("logged in");
    sessions::logout_all(&backend.db, &backend.push, &SessionOwner::SignedIn(two)).await.expect("logged out");
    assert!(is_ended(&backend, &second).await && is_ended(&backend, &fourth).await);
}

#[tokio::test]
async fn a_user_cannot_end_sessions_of_others() {
    let backend = Backend::open().await;
    let (ann, bob) = (backend.register("ann").await, backend.register("bob").await);
    let (me, other) = (backend.caller(&ann).await.expect("signed in"), backend.caller(&bob).await.expect("signed in"));
    for session in [other.session, SessionId(4711), SessionId(shared::id::MAX_ID)] {
        let refused = sessions::revoke(&backend.db, &backend.push, &me, session).await.err();
        assert!(matches!(refused, Some(Error::NotFound("session_not_found"))), "{refused:?}");
    }
    sessions::logout_all(&backend.db, &backend.push, &SessionOwner::SignedIn(me.clone())).await.expect("logged out");
    backend.caller(&bob).await.expect("still signed in");
    let mixed = sessions::load_caller(&backend.db, me.user, other.session, NOW).await.err();
    assert!(matches!(mixed, Some(Error::Unauthenticated("session_ended"))), "a session is its person's alone");
}

#[tokio::test]
async fn a_fresh_token_is_good_for_its_person_and_its_session_alone_and_asks_the_store_nothing() {
    let backend = Backend::open().await;
    let (ann, bob) = (backend.register("ann").await, backend.register("bob").await);
    let other = backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let caller = backend.caller(&ann).await.expect("signed in");
    let fresh = refresh(&backend, &ann.tokens.refresh_token).await.expect("refreshed").access_token;
    let (renewed, asked) = statements(&backend.db, sessions::check_renewal(&backend.issuer.keys, &caller, &fresh)).await;
    assert!(renewed.is_ok() && asked == 0, "{renewed:?}, {asked}");
    let code = async |caller: &Caller, token: &str| match sessions::check_renewal(&backend.issuer.keys, caller, token).await {
        Ok(()) => "ok",
        Err(error) => error.code(),
    };
    assert_eq!(code(&caller, &ann.tokens.access_token).await, "ok", "an earlier one is as good until it expires");
    assert_eq!(code(&caller, &bob.tokens.access_token).await, "unauthenticated");
    assert_eq!(code(&caller, &other.tokens.access_token).await, "another_session");
    assert_eq!(code(&caller, &ann.tokens.refresh_token).await, "unauthenticated");
    let later = Caller { now: NOW.plus_seconds(606), ..caller };
    assert_eq!(code(&later, &fresh).await, "token_expired");
}

#[tokio::test]
async fn sessions_end_by_themselves_and_with_their_account() {
    let backend = Backend::open().await;
    let (ann, bob) = (backend.register("ann").await, backend.register("bob").await);
    let caller = backend.caller(&ann).await.expect("signed in");
    let days = |days: i64| sessions::load_caller(&backend.db, caller.user, caller.session, NOW.plus_seconds(days * 86_400));
    assert!(days(29).await.is_ok() && days(30).await.is_err());
    backend.set("ann", "disabled_at = 1").await;
    assert!(is_ended(&backend, &ann).await);
    assert!(is_refused(&refresh(&backend, &ann.tokens.refresh_token).await));
    backend.set("bob", "deleted_at = 1").await;
    assert!(is_ended(&backend, &bob).await);
    backend.set("ann", "disabled_at = null").await;
    backend.caller(&ann).await.expect("enabled again");
}

#[tokio::test]
async fn the_list_of_sessions_is_read_page_by_page() {
    let backend = Backend::open().await;
    let ann = backend.register("ann").await;
    for _ in 0..4 {
        backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    }
    backend.register("bob").await;
    let caller = backend.caller(&ann).await.expect("signed in");
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = sessions::list(&backend.db, &caller, PageRequest { cursor: cursor.as_deref(), limit: Some(2) })
            .await
            .expect("a page");
        assert!(page.items.len() <= 2);
        seen.extend(page.items.iter().map(|session| (session.id.0, session.current)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..5).rev().map(|later| (caller.session.0 + later, later == 0)).collect();
    assert_eq!(seen, expected);
    for bad in ["", "x", "0", "-1", "99999999999999999999"] {
        assert!(
            matches!(
                sessions::list(&backend.db, &caller, PageRequest { cursor: Some(bad), limit: None }).await,
                Err(Error::Invalid(_))
            ),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn sessions_cost_the_statements_that_they_are_said_to() {
    let backend = Backend::open().await;
    let made = backend.register("ann").await;
    let warm = backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let caller = backend.caller(&made).await.expect("signed in");
    let renewed = refresh(&backend, &made.tokens.refresh_token).await.expect("refreshed");
    sessions::list(&backend.db, &caller, PageRequest::default()).await.expect("a list");
    let warm = SessionOwner::SignedIn(backend.caller(&warm).await.expect("signed in"));
    sessions::logout(&backend.db, &backend.push, &warm).await.expect("logged out");
    assert_eq!(statements(&backend.db, backend.caller(&made)).await.1, 1);
    assert_eq!(statements(&backend.db, sessions::list(&backend.db, &caller, PageRequest::default())).await.1, 1);
    assert_eq!(statements(&backend.db, refresh(&backend, &renewed.refresh_token)).await.1, 2, "whose, and rotate");
    assert_eq!(statements(&backend.db, refresh(&backend, "v1.1.forged.token")).await.1, 0);
    assert_eq!(
        statements(&backend.db, refresh(&backend, &renewed.refresh_token)).await.1,
        3,
        "whose, in vain, and what came after it"
    );
    let ended = "whose, in vain, what came after; begin, the end, its note, commit; what is to be closed, and that it is";
    assert_eq!(statements(&backend.db, refresh(&backend, &made.tokens.refresh_token)).await.1, 9, "{ended}");
    let again = backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let leaver = SessionOwner::SignedIn(backend.caller(&again).await.expect("signed in"));
    let ended = "begin, the end, its note, commit; what is to be closed, and that it is";
    assert_eq!(statements(&backend.db, sessions::logout(&backend.db, &backend.push, &leaver)).await.1, 6, "{ended}");
    assert_eq!(
        statements(&backend.db, sessions::logout_all(&backend.db, &backend.push, &leaver)).await.1,
        3,
        "nothing is left to end"
    );
}
