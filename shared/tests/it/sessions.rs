//! The rules of sessions: refreshing, ending, and that what has ended has ended at once.

use shared::caller::Caller;
use shared::config::Secret;
use shared::domain::prices;
use shared::domain::sessions::{self, Leaver};
use shared::domain::tokens::Keys;
use shared::domain::visitor::Visitor;
use shared::error::{Error, Result};
use shared::id::SessionId;
use shared::protocol::accounts::{Authenticated, Tokens};
use shared::store::Db;

use crate::desk::{Desk, NOW, PASSWORD, visitor};
use crate::fixture::statements;

async fn refresh(desk: &Desk, token: &str) -> Result<Tokens> {
    sessions::refresh(&desk.db, &desk.push, &desk.issuer, &visitor("192.0.2.9"), token).await
}

async fn refresh_at(desk: &Desk, token: &str, seconds: i64) -> Result<Tokens> {
    let visitor = Visitor { now: NOW.plus_seconds(seconds), ..visitor("192.0.2.9") };
    sessions::refresh(&desk.db, &desk.push, &desk.issuer, &visitor, token).await
}

fn is_refused<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Unauthenticated("invalid_refresh_token")))
}

async fn is_ended(desk: &Desk, authenticated: &Authenticated) -> bool {
    matches!(desk.caller(authenticated).await, Err(Error::Unauthenticated("session_ended")))
}

#[tokio::test]
async fn each_refresh_token_works_once_and_gives_the_next() {
    let desk = Desk::open().await;
    let made = desk.register("ann").await;
    let mut token = made.tokens.refresh_token.clone();
    for _ in 0..3 {
        let next = refresh(&desk, &token).await.expect("refreshed");
        assert_ne!(next.refresh_token, token);
        sessions::authenticate(&desk.db, &desk.issuer.keys, &next.access_token, NOW).await.expect("signed in");
        token = next.refresh_token;
    }
    let caller = desk.caller(&made).await.expect("the session is the same");
    let list = sessions::list(&desk.db, &caller, (None, None)).await.expect("a list").items;
    assert_eq!((list.len(), list[0].ip.as_str(), list[0].device.as_str()), (1, "192.0.2.9", "laptop"));
}

#[tokio::test]
async fn a_used_refresh_token_that_comes_back_late_ends_its_session() {
    let desk = Desk::open().await;
    let (ann, other) = (desk.register("ann").await, desk.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in"));
    let next = refresh(&desk, &ann.tokens.refresh_token).await.expect("refreshed");
    assert!(is_refused(&refresh_at(&desk, &ann.tokens.refresh_token, 30).await));
    assert!(is_ended(&desk, &ann).await, "whoever has the new one is out, too");
    assert!(is_refused(&refresh(&desk, &next.refresh_token).await));
    desk.caller(&other).await.expect("other sessions go on");
}

#[tokio::test]
async fn for_some_seconds_a_used_refresh_token_gives_what_it_gave() {
    let desk = Desk::open().await;
    let ann = desk.register("ann").await;
    let first = refresh(&desk, &ann.tokens.refresh_token).await.expect("refreshed");
    let again = refresh_at(&desk, &ann.tokens.refresh_token, 29).await.expect("the same once more");
    assert_eq!(first.refresh_token, again.refresh_token);
    assert!(!is_ended(&desk, &ann).await);
    let second = refresh(&desk, &first.refresh_token).await.expect("and it goes on from there");
    assert_ne!(second.refresh_token, first.refresh_token);
    assert!(is_refused(&refresh(&desk, &ann.tokens.refresh_token).await), "what it gave was used: somebody has a copy");
    assert!(is_ended(&desk, &ann).await);
}

#[tokio::test]
async fn a_token_that_the_release_before_exchanged_is_an_old_one() {
    let desk = Desk::open().await;
    let ann = desk.register("ann").await;
    let next = refresh(&desk, &ann.tokens.refresh_token).await.expect("refreshed");
    // It knows nothing of what was there before, and makes its tokens at random.
    let caller = desk.caller(&ann).await.expect("signed in");
    sqlx::query("update sessions set refresh_hash = ? where id = ?")
        .bind([7_u8; 32].as_slice())
        .bind(caller.session.0)
        .execute(&mut *desk.db.acquire().await.expect("a connection"))
        .await
        .expect("written");
    assert!(is_refused(&refresh(&desk, &ann.tokens.refresh_token).await));
    assert!(is_refused(&refresh(&desk, &next.refresh_token).await));
    assert!(is_ended(&desk, &ann).await);
}

#[tokio::test]
async fn while_a_key_is_exchanged_two_refreshes_at_once_still_agree() {
    let desk = Desk::open().await;
    let ann = desk.register("ann").await;
    let mut ahead = desk.issuer.clone();
    ahead.keys = Keys::new(&Secret::new("2:another-secret-for-tests,1:a-secret-for-tests"), false).expect("keys");
    let there = async |token: &str| sessions::refresh(&desk.db, &desk.push, &ahead, &visitor("192.0.2.9"), token).await;
    let here = refresh(&desk, &ann.tokens.refresh_token).await.expect("refreshed");
    let other = there(&ann.tokens.refresh_token).await.expect("the same for whoever has one key more");
    let secret = |token: &str| token.rsplit_once('.').map(|(text, _)| text.to_owned());
    assert_eq!(secret(&here.refresh_token), secret(&other.refresh_token));
    // Both are presented at once, with proofs of different keys.
    let one = there(&other.refresh_token).await.expect("refreshed");
    let two = there(&here.refresh_token).await.expect("and the same again");
    assert_eq!(one.refresh_token, two.refresh_token);
    assert!(!is_ended(&desk, &ann).await);
}

#[tokio::test]
async fn a_forged_refresh_token_ends_nothing() {
    let desk = Desk::open().await;
    let (ann, bob) = (desk.register("ann").await, desk.register("bob").await);
    let token = &ann.tokens.refresh_token;
    let (text, proof) = token.rsplit_once('.').expect("parts");
    let session = desk.caller(&bob).await.expect("signed in").session;
    let of_another = token.split('.').enumerate().map(|(at, part)| if at == 1 { session.to_string() } else { part.into() });
    let of_another = of_another.collect::<Vec<_>>().join(".");
    let flipped = format!("{text}.{}{}", if proof.starts_with('A') { 'B' } else { 'A' }, &proof[1..]);
    let mut foreign = desk.issuer.clone();
    foreign.keys = Keys::new(&Secret::new("a-secret-of-others"), false).expect("a key");
    for forged in ["", "v1.1.x.y", &of_another, &flipped, text, &ann.tokens.access_token, &"v1.".repeat(10_000)] {
        assert!(is_refused(&refresh(&desk, forged).await), "{forged}");
    }
    let refused = sessions::refresh(&desk.db, &desk.push, &foreign, &visitor("192.0.2.9"), token).await;
    assert!(is_refused(&refused), "nor one that was made by another key");
    desk.caller(&ann).await.expect("still signed in");
    desk.caller(&bob).await.expect("still signed in");
    refresh(&desk, token).await.expect("and the true one still works");
}

#[tokio::test]
async fn refreshes_at_once_agree_and_the_session_goes_on() {
    let desk = Desk::open().await;
    for round in 0..4 {
        let ann = desk.register(&format!("ann{round}")).await;
        let tries = (0..8).map(|_| {
            let (db, issuer, token) =
                (Db::lazy(&desk.url).expect("a URL"), desk.issuer.clone(), ann.tokens.refresh_token.clone());
            tokio::spawn(async move {
                let done = sessions::refresh(&db, &shared::push::Push::memory(), &issuer, &visitor("192.0.2.9"), &token).await;
                done.expect("refreshed").refresh_token
            })
        });
        let mut given = std::collections::BTreeSet::new();
        for one in tries.collect::<Vec<_>>() {
            given.insert(one.await.expect("ran"));
        }
        assert_eq!(given.len(), 1, "one successor for all");
        assert!(!is_ended(&desk, &ann).await);
        refresh(&desk, &given.pop_first().expect("one")).await.expect("it is the present one");
    }
}

#[tokio::test]
async fn logging_out_can_be_done_again_and_then_does_nothing_else() {
    let desk = Desk::open().await;
    let ann = desk.register("ann").await;
    let leaving = prices::route("POST", "/api/auth/logout", None);
    let leaver = async |token: &str| sessions::leaver(&desk.db, &desk.throttle, &desk.issuer.keys, token, (leaving, NOW)).await;
    let first = leaver(&ann.tokens.access_token).await.expect("signed in");
    assert!(matches!(first, Leaver::SignedIn(_)));
    sessions::logout_all(&desk.db, &desk.push, &first).await.expect("logged out");
    let other = desk.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let second = leaver(&ann.tokens.access_token).await.expect("of ours, though its session has ended");
    assert!(matches!(second, Leaver::Out { .. }), "{second:?}");
    sessions::logout_all(&desk.db, &desk.push, &second).await.expect("once more");
    sessions::logout(&desk.db, &desk.push, &second).await.expect("and once more");
    desk.caller(&other).await.expect("a session that has ended ends no other");
    let foreign = Keys::new(&Secret::new("a-secret-of-others"), false).expect("a key");
    let forged = sessions::leaver(&desk.db, &desk.throttle, &foreign, &ann.tokens.access_token, (leaving, NOW)).await;
    assert!(matches!(forged, Err(Error::Unauthenticated("unauthenticated"))), "{forged:?}");
    let late =
        sessions::leaver(&desk.db, &desk.throttle, &desk.issuer.keys, &ann.tokens.access_token, (leaving, NOW.plus_seconds(606)))
            .await;
    assert!(matches!(late, Err(Error::Unauthenticated("token_expired"))), "{late:?}");
}

#[tokio::test]
async fn what_is_ended_is_ended_with_the_next_request() {
    let desk = Desk::open().await;
    let first = desk.register("ann").await;
    let second = desk.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let third = desk.login("ann", PASSWORD, "192.0.2.3").await.expect("logged in");
    let (one, two) = (desk.caller(&first).await.expect("signed in"), desk.caller(&second).await.expect("signed in"));
    sessions::logout(&desk.db, &desk.push, &Leaver::SignedIn(one)).await.expect("logged out");
    assert!(is_ended(&desk, &first).await);
    assert!(is_refused(&refresh(&desk, &first.tokens.refresh_token).await));
    sessions::revoke(&desk.db, &desk.push, &two, desk.caller(&third).await.expect("signed in").session).await.expect("revoked");
    assert!(is_ended(&desk, &third).await);
    desk.caller(&second).await.expect("still signed in");
    let fourth = desk.login("ann", PASSWORD, "192.0.2.4").await.expect("logged in");
    sessions::logout_all(&desk.db, &desk.push, &Leaver::SignedIn(two)).await.expect("logged out");
    assert!(is_ended(&desk, &second).await && is_ended(&desk, &fourth).await);
}

#[tokio::test]
async fn nobody_ends_the_sessions_of_others() {
    let desk = Desk::open().await;
    let (ann, bob) = (desk.register("ann").await, desk.register("bob").await);
    let (me, other) = (desk.caller(&ann).await.expect("signed in"), desk.caller(&bob).await.expect("signed in"));
    for session in [other.session, SessionId(4711), SessionId(shared::id::MAX_ID)] {
        let refused = sessions::revoke(&desk.db, &desk.push, &me, session).await.err();
        assert!(matches!(refused, Some(Error::NotFound("session_not_found"))), "{refused:?}");
    }
    sessions::logout_all(&desk.db, &desk.push, &Leaver::SignedIn(me.clone())).await.expect("logged out");
    desk.caller(&bob).await.expect("still signed in");
    let mixed = sessions::resume(&desk.db, me.user, other.session, NOW).await.err();
    assert!(matches!(mixed, Some(Error::Unauthenticated("session_ended"))), "a session is its person's alone");
}

#[tokio::test]
async fn a_fresh_token_is_good_for_its_person_and_its_session_alone_and_asks_the_store_nothing() {
    let desk = Desk::open().await;
    let (ann, bob) = (desk.register("ann").await, desk.register("bob").await);
    let other = desk.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let caller = desk.caller(&ann).await.expect("signed in");
    let fresh = refresh(&desk, &ann.tokens.refresh_token).await.expect("refreshed").access_token;
    let (renewed, asked) = statements(&desk.db, sessions::renew(&desk.issuer.keys, &caller, &fresh)).await;
    assert!(renewed.is_ok() && asked == 0, "{renewed:?}, {asked}");
    let code = async |caller: &Caller, token: &str| match sessions::renew(&desk.issuer.keys, caller, token).await {
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
    let desk = Desk::open().await;
    let (ann, bob) = (desk.register("ann").await, desk.register("bob").await);
    let caller = desk.caller(&ann).await.expect("signed in");
    let days = |days: i64| sessions::resume(&desk.db, caller.user, caller.session, NOW.plus_seconds(days * 86_400));
    assert!(days(29).await.is_ok() && days(30).await.is_err());
    desk.set("ann", "disabled_at = 1").await;
    assert!(is_ended(&desk, &ann).await);
    assert!(is_refused(&refresh(&desk, &ann.tokens.refresh_token).await));
    desk.set("bob", "deleted_at = 1").await;
    assert!(is_ended(&desk, &bob).await);
    desk.set("ann", "disabled_at = null").await;
    desk.caller(&ann).await.expect("enabled again");
}

#[tokio::test]
async fn the_list_of_sessions_is_read_page_by_page() {
    let desk = Desk::open().await;
    let ann = desk.register("ann").await;
    for _ in 0..4 {
        desk.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    }
    desk.register("bob").await;
    let caller = desk.caller(&ann).await.expect("signed in");
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = sessions::list(&desk.db, &caller, (cursor.as_deref(), Some(2))).await.expect("a page");
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
        assert!(matches!(sessions::list(&desk.db, &caller, (Some(bad), None)).await, Err(Error::Invalid(_))), "{bad}");
    }
}

#[tokio::test]
async fn sessions_cost_the_statements_that_they_are_said_to() {
    let desk = Desk::open().await;
    let made = desk.register("ann").await;
    let warm = desk.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let caller = desk.caller(&made).await.expect("signed in");
    let renewed = refresh(&desk, &made.tokens.refresh_token).await.expect("refreshed");
    sessions::list(&desk.db, &caller, (None, None)).await.expect("a list");
    let warm = Leaver::SignedIn(desk.caller(&warm).await.expect("signed in"));
    sessions::logout(&desk.db, &desk.push, &warm).await.expect("logged out");
    assert_eq!(statements(&desk.db, desk.caller(&made)).await.1, 1);
    assert_eq!(statements(&desk.db, sessions::list(&desk.db, &caller, (None, None))).await.1, 1);
    assert_eq!(statements(&desk.db, refresh(&desk, &renewed.refresh_token)).await.1, 2, "whose, and rotate");
    assert_eq!(statements(&desk.db, refresh(&desk, "v1.1.forged.token")).await.1, 0);
    assert_eq!(statements(&desk.db, refresh(&desk, &renewed.refresh_token)).await.1, 3, "whose, in vain, and what came after it");
    let ended = "whose, in vain, what came after; begin, the end, its note, commit; what is to be closed, and that it is";
    assert_eq!(statements(&desk.db, refresh(&desk, &made.tokens.refresh_token)).await.1, 9, "{ended}");
    let again = desk.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let leaver = Leaver::SignedIn(desk.caller(&again).await.expect("signed in"));
    let ended = "begin, the end, its note, commit; what is to be closed, and that it is";
    assert_eq!(statements(&desk.db, sessions::logout(&desk.db, &desk.push, &leaver)).await.1, 6, "{ended}");
    assert_eq!(statements(&desk.db, sessions::logout_all(&desk.db, &desk.push, &leaver)).await.1, 3, "nothing is left to end");
}
