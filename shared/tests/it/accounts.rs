//! The rules of accounts: registering, logging in, changing the password, and what each costs.

use std::time::{Duration, Instant};

use shared::domain::{accounts, sessions};
use shared::error::Error;
use shared::protocol::accounts::{ChangePassword, Login, Register};
use shared::store::{Db, users};

use crate::desk::{Desk, NOW, PASSWORD, registration, visitor};
use crate::fixture::statements;

fn change(current: &str, new: &str) -> ChangePassword {
    ChangePassword { current: current.into(), new: new.into() }
}

#[tokio::test]
async fn registering_logs_in() {
    let desk = Desk::open().await;
    let given =
        Register {
            email: Some("Ann@example.com".into()), display_name: Some(" Ann Ünïcode 💥 ".into()), ..registration("Ann")
        };
    let made = accounts::register(&desk.db, &desk.issuer, &desk.throttle, &visitor("2001:db8::7"), &given).await.expect("made");
    assert_eq!((made.tokens.token_type, made.tokens.expires_in, &made.tokens.token), ("Bearer", 600, &None));
    assert_eq!(made.user.user.display_name, "Ann Ünïcode 💥");
    let caller = desk.caller(&made).await.expect("signed in");
    assert_eq!((caller.user, caller.username.as_str(), caller.now), (made.user.user.id, "Ann", NOW));
    let stored =
        users::account(&mut desk.db.acquire().await.expect("a connection"), caller.user).await.expect("read").expect("there");
    assert_eq!(stored.me, made.user, "the answer is what the store holds");
    assert!(!stored.password_hash.contains("horse"));
    let list = sessions::list(&desk.db, &caller, (None, None)).await.expect("a list").items;
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].device.as_str(), list[0].ip.as_str(), list[0].current, list[0].created_at),
        ("laptop", "2001:db8::7", true, NOW)
    );
}

#[tokio::test]
async fn names_and_addresses_are_unique_without_case() {
    let desk = Desk::open().await;
    let register = async |username: &str, email: Option<&str>| {
        let given = Register { email: email.map(Into::into), ..registration(username) };
        let made = accounts::register(&desk.db, &desk.issuer, &desk.throttle, &visitor("192.0.2.1"), &given).await;
        made.map_or_else(|refused| refused.code(), |_| "made")
    };
    assert_eq!(register("users_email", Some("ann@example.com")).await, "made");
    assert_eq!(register("USERS_EMAIL", None).await, "username_taken");
    assert_eq!(register("bob", Some("ANN@example.com")).await, "email_taken");
    assert_eq!(register("users_email", Some("Ann@Example.com")).await, "username_taken");
    assert_eq!(register("bob", None).await, "made");
    assert_eq!(register("eve", None).await, "made", "no address is not an address");
}

#[tokio::test]
async fn of_many_who_want_a_name_at_once_one_gets_it() {
    let desk = Desk::open().await;
    let tries = (0..8).map(|_| {
        let (db, issuer, throttle) = (Db::lazy(&desk.url).expect("a URL"), desk.issuer.clone(), desk.throttle.clone());
        tokio::spawn(
            async move { accounts::register(&db, &issuer, &throttle, &visitor("192.0.2.1"), &registration("ann")).await },
        )
    });
    let mut codes = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        codes.push(one.await.expect("ran").map_or_else(|refused| refused.code(), |_| "made"));
    }
    codes.sort_unstable();
    assert_eq!(codes, [&["made"][..], &["username_taken"; 7][..]].concat());
}

#[tokio::test]
async fn one_logs_in_by_any_spelling_of_ones_name_or_address() {
    let desk = Desk::open().await;
    let given = Register { email: Some("ann@example.com".into()), ..registration("Ann") };
    let made = accounts::register(&desk.db, &desk.issuer, &desk.throttle, &visitor("192.0.2.1"), &given).await.expect("made");
    for name in ["Ann", "ann", " ANN ", "ANN@example.com"] {
        let again = desk.login(name, PASSWORD, "192.0.2.2").await.expect(name);
        assert_eq!(again.user, made.user, "{name}");
        assert_eq!(desk.caller(&again).await.expect("signed in").user, made.user.user.id);
    }
    let by_email =
        Login { username: None, email: Some("Ann@Example.COM".into()), password: PASSWORD.into(), device: Some("phone".into()) };
    accounts::login(&desk.db, &desk.issuer, &desk.throttle, &visitor("192.0.2.2"), &by_email).await.expect("logged in");
    for name in ["änn", "ánn", "ann\u{301}", "ánn@example.com", "ann%", "' or '1'='1", "ann\0"] {
        let refused = desk.login(name, PASSWORD, "192.0.2.2").await.err();
        assert!(matches!(refused, Some(Error::Unauthenticated("invalid_credentials"))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn who_may_not_log_in_learns_nothing_of_why() {
    let desk = Desk::open().await;
    for name in ["ann", "disabled", "deleted"] {
        desk.register(name).await;
    }
    desk.set("disabled", "disabled_at = 1").await;
    desk.set("deleted", "deleted_at = 1").await;
    let long = "x".repeat(5_000);
    for (name, password) in [
        ("nobody", PASSWORD),
        ("ann", "wrong password"),
        ("disabled", PASSWORD),
        ("deleted", PASSWORD),
        ("ann", ""),
        ("ann", &long),
    ] {
        let refused = desk.login(name, password, "192.0.2.2").await.err();
        assert!(matches!(refused, Some(Error::Unauthenticated("invalid_credentials"))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let desk = Desk::open().await;
    desk.register("ann").await;
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..12 {
        for (kind, (name, password)) in
            [("ann", "wrong password"), ("nobody", "wrong password"), ("n@o", "wrong password"), ("ann", "x")].iter().enumerate()
        {
            let started = Instant::now();
            assert!(desk.login(name, password, "192.0.2.2").await.is_err());
            times[kind].push(started.elapsed());
        }
    }
    // The quickest of each: what else the machine does only ever adds.
    let [wrong, others @ ..] = times.map(|times| times.into_iter().min().unwrap_or_default().as_secs_f64());
    for (other, what) in others.iter().zip(["an unknown name", "an impossible name", "an impossible password"]) {
        assert!((0.5..2.0).contains(&(other / wrong)), "{what} takes {other} s, a wrong password {wrong} s");
    }
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_the_old_password() {
    let desk = Desk::open().await;
    let (first, second) = (desk.register("ann").await, desk.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in"));
    let caller = desk.caller(&second).await.expect("signed in");
    let set =
        async |given: &ChangePassword| accounts::change_password(&desk.db, &desk.push, &desk.throttle, &caller, given).await;
    let wrong = set(&change("not my password", "a new password for ann")).await.err();
    assert!(matches!(wrong, Some(Error::Forbidden("wrong_password"))), "{wrong:?}");
    for (new, code) in
        [("short", "too_short"), ("password1", "too_common"), ("Ann12345", "too_common"), (&"x1-".repeat(43), "too_long")]
    {
        let refused = set(&change(PASSWORD, new)).await.err();
        let Some(Error::Invalid(violations)) = refused else { panic!("{new}: {refused:?}") };
        assert_eq!((violations[0].field.as_str(), violations[0].code), ("new", code));
    }
    desk.caller(&first).await.expect("nothing has changed yet");
    set(&change(PASSWORD, "a new password for ann")).await.expect("changed");
    let ended = desk.caller(&first).await.err();
    assert!(matches!(ended, Some(Error::Unauthenticated("session_ended"))), "{ended:?}");
    desk.caller(&second).await.expect("the one that asked goes on");
    assert!(desk.login("ann", PASSWORD, "192.0.2.2").await.is_err());
    desk.login("ann", "a new password for ann", "192.0.2.2").await.expect("logged in");
}

#[tokio::test]
async fn a_login_that_a_new_password_overtook_opens_no_session() {
    use shared::store::sessions::{NewSession, insert_if_unchanged};
    let desk = Desk::open().await;
    let made = desk.register("ann").await;
    let user = made.user.user.id;
    let mut connection = desk.db.acquire().await.expect("a connection");
    let verified = users::account(&mut connection, user).await.expect("read").expect("there").password_hash;
    let new = NewSession { user, refresh_hash: &[7; 32], device: "", ip: "", now: NOW, expires_at: NOW.plus_seconds(60) };
    assert!(insert_if_unchanged(&mut connection, &new, &verified).await.expect("ran").is_some());
    assert!(users::replace_password_hash(&mut connection, user, &verified, "$argon2id$other").await.expect("ran"));
    assert!(insert_if_unchanged(&mut connection, &new, &verified).await.expect("ran").is_none());
    assert!(
        !users::replace_password_hash(&mut connection, user, &verified, "$argon2id$third").await.expect("ran"),
        "nor a second change"
    );
}

#[tokio::test]
async fn accounts_cost_the_statements_that_they_are_said_to() {
    let desk = Desk::open().await;
    desk.register("warm").await;
    let warm = desk.login("warm", PASSWORD, "192.0.2.2").await.expect("logged in");
    let caller = desk.caller(&warm).await.expect("signed in");
    let set = async |from: &str, to: &str| {
        accounts::change_password(&desk.db, &desk.push, &desk.throttle, &caller, &change(from, to)).await.expect("changed");
    };
    set(PASSWORD, "another one for warm").await;
    assert_eq!(statements(&desk.db, desk.register("ann")).await.1, 4, "begin, person, session, commit");
    assert_eq!(statements(&desk.db, desk.login("ann", PASSWORD, "192.0.2.2")).await.1, 2, "account, session");
    assert_eq!(statements(&desk.db, desk.login("nobody", PASSWORD, "192.0.2.2")).await.1, 1);
    assert_eq!(statements(&desk.db, set("another one for warm", "a third one for warm")).await.1, 5);
}
