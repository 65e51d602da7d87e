//! Registration, login and change of password, and their cost.

use std::time::{Duration, Instant};

use shared::caller::Caller;
use shared::config::Limits;
use shared::domain::auth::accounts;
use shared::domain::auth::anonymous::AnonymousCaller;
use shared::domain::auth::sessions;
use shared::domain::paging::PageRequest;
use shared::error::Error;
use shared::protocol::accounts::{Authenticated, ChangePassword, Login, Register, Tokens};
use shared::store::users;

use crate::backend::{Backend, NOW, PASSWORD, registration, visitor};
use crate::fixture::{self, statements};

fn change(current: &str, new: &str) -> ChangePassword {
    ChangePassword { current: current.into(), new: new.into() }
}

#[tokio::test]
async fn registering_logs_in() {
    let backend = Backend::open().await;
    let given =
        Register {
            email: Some("Ann@example.com".into()), display_name: Some(" Ann Ünïcode 💥 ".into()), ..registration("Ann")
        };
    let made = accounts::register(&backend.db, backend.sign_in(&visitor("2001:db8::7")), &[], &given).await.expect("made");
    assert_eq!((made.tokens.token_type, made.tokens.expires_in, &made.tokens.token), ("Bearer", 600, &None));
    assert_eq!(made.user.user.display_name, "Ann Ünïcode 💥");
    let caller = backend.caller(&made).await.expect("signed in");
    assert_eq!((caller.user, caller.username.as_str(), caller.now), (made.user.user.id, "Ann", NOW));
    let stored =
        users::account(&mut backend.db.acquire().await.expect("a connection"), caller.user).await.expect("read").expect("there");
    assert_eq!(stored.me, made.user, "the answer is what the store holds");
    assert!(!stored.password_hash.contains("horse"));
    let list = sessions::list(&backend.db, &caller, PageRequest::default()).await.expect("a list").items;
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].device.as_str(), list[0].ip.as_str(), list[0].current, list[0].created_at),
        ("laptop", "2001:db8::7", true, NOW)
    );
}

#[tokio::test]
async fn names_are_unique_without_case_and_addresses_are_claimed_by_anyone() {
    let backend = Backend::open().await;
    let register = async |username: &str, email: Option<&str>| {
        let given = Register { email: email.map(Into::into), password: format!("of {username} alone"), ..registration(username) };
        let made = accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await;
        made.map_or_else(|refused| refused.code(), |_| "made")
    };
    assert_eq!(register("users_email", Some("ann@example.com")).await, "made");
    assert_eq!(register("USERS_EMAIL", None).await, "username_taken");
    assert_eq!(register("bob", Some("ANN@example.com")).await, "made", "the answer does not reveal another claimant");
    assert_eq!(register("eve", None).await, "made", "no address is not an address");
    backend.set("bob", "email_confirmed_at = 1").await;
    assert_eq!(register("cat", Some("ann@example.com")).await, "made", "nor that it is confirmed");
}

#[tokio::test]
async fn concurrent_registrations_of_a_name_succeed_once() {
    let backend = Backend::open().await;
    let tries = (0..8).map(|number| {
        let backend = backend.another();
        let given = Register { password: format!("the password of {number}"), ..registration("ann") };
        tokio::spawn(async move { accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await })
    });
    let mut codes = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        codes.push(one.await.expect("ran").map_or_else(|refused| refused.code(), |_| "made"));
    }
    codes.sort_unstable();
    assert_eq!(codes, [&["made"][..], &["username_taken"; 7][..]].concat());
}

#[tokio::test]
async fn a_repeated_registration_gets_the_first_answer_only_for_its_sender() {
    let backend = Backend::open().await;
    let again = async |given: &Register, seconds: i64| {
        let visitor = AnonymousCaller { now: NOW.plus_seconds(seconds), ..visitor("192.0.2.1") };
        accounts::register(&backend.db, backend.sign_in(&visitor), &[], given).await
    };
    let given = Register { email: Some("ann@example.com".into()), ..registration("ann") };
    let first = again(&given, 0).await.expect("made");
    let second = again(&Register { username: "ANN".into(), ..given.clone() }, 59).await.expect("the same");
    let (keys, now) = (&backend.issuer.keys, NOW.plus_seconds(59));
    let caller = sessions::authenticate(&backend.db, keys, &second.tokens.access_token, now).await.expect("signed in");
    assert_eq!((&second.user, caller.user), (&first.user, first.user.user.id));
    assert_ne!(first.tokens.refresh_token, second.tokens.refresh_token, "a session of its own");
    let code = |outcome: Result<_, Error>| outcome.map_or_else(|refused| refused.code(), |_: Authenticated| "made");
    let other = Register { password: "another password".into(), ..given.clone() };
    assert_eq!(code(again(&other, 1).await), "username_taken");
    assert_eq!(code(again(&given, 60).await), "username_taken", "after a minute it counts as another registration");
    let at_once = (0..6).map(|_| {
        let backend = backend.another();
        tokio::spawn(async move {
            accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &registration("bob")).await
        })
    });
    let mut made = std::collections::BTreeSet::new();
    for one in at_once.collect::<Vec<_>>() {
        made.insert(one.await.expect("ran").expect("one of them made it, the others are it").user.user.id.0);
    }
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn sending_a_registration_again_is_no_way_to_guess_a_password() {
    let limit = shared::error::Limit { quota: 3, window: 300 };
    let backend = Backend::limited(Limits { login: limit, ..fixture::limits() }).await;
    backend.register("ann").await;
    let guess = async |password: &str| {
        let given = Register { password: password.into(), ..registration("ann") };
        let made = accounts::register(&backend.db, backend.sign_in(&visitor("198.51.100.1")), &[], &given).await;
        made.map_or_else(|refused| refused.code(), |_| "made")
    };
    for number in 0..3 {
        assert_eq!(guess(&format!("the guess {number} of many")).await, "username_taken");
    }
    assert_eq!(guess(PASSWORD).await, "rate_limited");
    assert!(backend.login("ann", PASSWORD, "198.51.100.1").await.is_err(), "they count as logins that failed");
}

#[tokio::test]
async fn an_unconfirmed_claim_does_not_block_an_addresss_owner() {
    let backend = Backend::open().await;
    let register = async |username: &str, email: &str| {
        let given = Register { email: Some(email.into()), password: format!("of {username} alone"), ..registration(username) };
        accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await.expect("made")
    };
    let who = async |email: &str, owner: &str| {
        let answer = backend.login(email, &format!("of {owner} alone"), "192.0.2.2").await;
        answer.map_or_else(|refused| refused.code().to_owned(), |answer| answer.user.user.username)
    };
    register("squatter", "CEO@bigcorp.example").await;
    register("owner", "ceo@bigcorp.example").await;
    for (written, owner) in [("ceo@BIGCORP.example", "owner"), ("ceo@bigcorp.example", "squatter")] {
        assert_eq!(who(written, owner).await, owner, "each by their own password");
    }
    register("third", "ceo@bigcorp.example").await;
    register("fourth", "ceo@bigcorp.example").await;
    assert_eq!(who("ceo@bigcorp.example", "third").await, "third");
    assert_eq!(who("ceo@bigcorp.example", "fourth").await, "invalid_credentials", "the first three are looked at");
    backend.set("fourth", "email_confirmed_at = 1").await;
    for (owner, found) in [("fourth", "fourth"), ("squatter", "invalid_credentials"), ("owner", "invalid_credentials")] {
        assert_eq!(who("ceo@bigcorp.example", owner).await, found, "a confirmed address is one person's");
    }
    assert_eq!(
        backend.login("squatter", "of squatter alone", "192.0.2.2").await.expect("by name").user.user.username,
        "squatter"
    );

    register("plain", "jurgen@example.com").await;
    register("dotted", "J\u{fc}rgen@example.com").await;
    assert_eq!(who("ju\u{308}rgen@EXAMPLE.com", "dotted").await, "dotted");
    assert_eq!(who("j\u{fc}rgen@example.com", "plain").await, "invalid_credentials", "another mailbox");
    assert_eq!(who("jurgen@example.com", "plain").await, "plain");
}

#[tokio::test]
async fn addresses_that_an_earlier_release_wrote_are_found() {
    let backend = Backend::open().await;
    backend.register("ann").await;
    let who = async |email: &str| backend.login(email, PASSWORD, "192.0.2.2").await.map(|answer| answer.user.user.username).ok();
    backend.set("ann", "email = 'Ann@Example.com'").await;
    assert_eq!(who("ann@example.com").await.as_deref(), Some("ann"), "it knows no copy");
    backend.set("ann", "email_key = 'ann@example.com', email = 'new@example.com', email_confirmed_at = 1").await;
    assert_eq!(who("new@example.com").await.as_deref(), Some("ann"), "and changes the address alone");
    assert_eq!(who("ann@example.com").await, None);
    backend.register("bob").await;
    backend.set("bob", "email = 'new@example.com', email_key = 'new@example.com', email_confirmed_at = 1").await;
    assert_eq!(who("new@example.com").await.as_deref(), Some("bob"), "what was confirmed was another address");
}

#[tokio::test]
async fn login_accepts_any_spelling_of_name_or_address() {
    let backend = Backend::open().await;
    let given = Register { email: Some("ann@example.com".into()), ..registration("Ann") };
    let made = accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await.expect("made");
    for name in ["Ann", "ann", " ANN ", "ANN@example.com"] {
        let again = backend.login(name, PASSWORD, "192.0.2.2").await.expect(name);
        assert_eq!(again.user, made.user, "{name}");
        assert_eq!(backend.caller(&again).await.expect("signed in").user, made.user.user.id);
    }
    let by_email =
        Login { username: None, email: Some("Ann@Example.COM".into()), password: PASSWORD.into(), device: Some("phone".into()) };
    accounts::login(&backend.db, backend.sign_in(&visitor("192.0.2.2")), &by_email).await.expect("logged in");
    for name in ["änn", "ánn", "ann\u{301}", "ánn@example.com", "ann%", "' or '1'='1", "ann\0"] {
        let refused = backend.login(name, PASSWORD, "192.0.2.2").await.err();
        assert!(matches!(refused, Some(Error::Unauthenticated("invalid_credentials"))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_failed_login_does_not_reveal_why() {
    let backend = Backend::open().await;
    for name in ["ann", "disabled", "gone"] {
        backend.register(name).await;
    }
    backend.set("disabled", "disabled_at = 1").await;
    backend.set("gone", "deleted_at = 1").await;
    let long = "x".repeat(5_000);
    for (name, password) in
        [("nobody", PASSWORD), ("ann", "wrong password"), ("disabled", PASSWORD), ("gone", PASSWORD), ("ann", ""), ("ann", &long)]
    {
        let refused = backend.login(name, password, "192.0.2.2").await.err();
        assert!(matches!(refused, Some(Error::Unauthenticated("invalid_credentials"))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let backend = Backend::open().await;
    backend.register("ann").await;
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..12 {
        for (kind, (name, password)) in [("ann", "wrong password"), ("nobody", "wrong password"), ("ann", "x")].iter().enumerate()
        {
            let started = Instant::now();
            assert!(backend.login(name, password, "192.0.2.2").await.is_err());
            times[kind].push(started.elapsed());
        }
    }
    // The fastest run of each, because other load only adds time.
    let [wrong, others @ ..] = times.map(|times| times.into_iter().min().unwrap_or_default().as_secs_f64());
    for (other, what) in others.iter().zip(["an unknown name", "an impossible password"]) {
        assert!((0.5..2.0).contains(&(other / wrong)), "{what} takes {other} s, a wrong password {wrong} s");
    }
}

async fn refresh(backend: &Backend, token: &str) -> shared::error::Result<Tokens> {
    sessions::refresh(&backend.db, backend.sign_in(&visitor("192.0.2.7")), token).await
}

#[tokio::test]
async fn login_time_does_not_depend_on_an_addresss_claimants() {
    let backend = Backend::open().await;
    for (number, email) in [(1, "one@x.example"), (2, "two@x.example"), (3, "two@x.example"), (4, "sure@x.example")] {
        let given = Register { email: Some(email.into()), ..registration(&format!("user{number}")) };
        accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await.expect("made");
    }
    backend.set("user4", "email_confirmed_at = 1").await;
    let mut times = [Duration::MAX; 5];
    let alike = |times: &[Duration; 5]| {
        let [nobody, others @ ..] = times.map(|time| time.as_secs_f64());
        others.iter().all(|other| (0.5..2.0).contains(&(other / nobody)))
    };
    // The shortest of several attempts; a busy machine needs more of them.
    for round in 0..40 {
        if round >= 6 && alike(&times) {
            break;
        }
        for (kind, email) in ["nobody@x.example", "n@o", "one@x.example", "two@x.example", "sure@x.example"].iter().enumerate() {
            let started = Instant::now();
            assert!(backend.login(email, "wrong password", "192.0.2.2").await.is_err());
            times[kind] = times[kind].min(started.elapsed());
        }
    }
    assert!(alike(&times), "{times:?}, the first for an unclaimed address");
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_the_old_password() {
    let backend = Backend::open().await;
    let (first, second) = (backend.register("ann").await, backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in"));
    let caller = backend.caller(&second).await.expect("signed in");
    let from = visitor("192.0.2.7");
    let set = async |given: &ChangePassword| accounts::change_password(&backend.db, backend.sign_in(&from), &caller, given).await;
    let wrong = set(&change("not my password", "a new password for ann")).await.err();
    assert!(matches!(wrong, Some(Error::Forbidden("wrong_password"))), "{wrong:?}");
    for (new, code) in
        [("short", "too_short"), ("password1", "too_common"), ("Ann12345", "too_common"), (&"x1-".repeat(43), "too_long")]
    {
        let refused = set(&change(PASSWORD, new)).await.err();
        let Some(Error::Invalid(violations)) = refused else { panic!("{new}: {refused:?}") };
        assert_eq!((violations[0].field.as_str(), violations[0].code), ("new", code));
    }
    backend.caller(&first).await.expect("nothing has changed yet");
    let tokens = set(&change(PASSWORD, "a new password for ann")).await.expect("changed");
    for before in [&first, &second] {
        let ended = backend.caller(before).await.err();
        assert!(matches!(ended, Some(Error::Unauthenticated("session_ended"))), "no copy of a token is good: {ended:?}");
        let refused = refresh(&backend, &before.tokens.refresh_token).await.err();
        assert!(matches!(refused, Some(Error::Unauthenticated("invalid_refresh_token"))), "{refused:?}");
    }
    let fresh =
        sessions::authenticate(&backend.db, &backend.issuer.keys, &tokens.access_token, NOW).await.expect("signed in anew");
    let list = sessions::list(&backend.db, &fresh, PageRequest::default()).await.expect("a list").items;
    assert_eq!(
        (list.len(), list[0].device.as_str(), list[0].ip.as_str()),
        (1, "", "192.0.2.7"),
        "the device of the one that asked"
    );
    refresh(&backend, &tokens.refresh_token).await.expect("the new one goes on");
    let again = set(&change("a new password for ann", "yet another one for ann")).await.err();
    assert!(
        matches!(again, Some(Error::Unauthenticated("session_ended"))),
        "by the old session nothing more is changed: {again:?}"
    );
    assert!(backend.login("ann", PASSWORD, "192.0.2.2").await.is_err());
    backend.login("ann", "a new password for ann", "192.0.2.2").await.expect("logged in");
}

#[tokio::test]
async fn a_login_that_a_new_password_overtook_opens_no_session() {
    use shared::store::sessions::{NewSession, insert_if_unchanged};
    let backend = Backend::open().await;
    let made = backend.register("ann").await;
    let user = made.user.user.id;
    let mut connection = backend.db.acquire().await.expect("a connection");
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
    let backend = Backend::open().await;
    backend.register("warm").await;
    let warm = backend.login("warm", PASSWORD, "192.0.2.2").await.expect("logged in");
    let caller = backend.caller(&warm).await.expect("signed in");
    let at = visitor("192.0.2.2");
    let set = async |caller: &Caller, from: &str, to: &str| {
        let given = change(from, to);
        let changed = accounts::change_password(&backend.db, backend.sign_in(&at), caller, &given).await;
        sessions::authenticate(&backend.db, &backend.issuer.keys, &changed.expect("changed").access_token, NOW)
            .await
            .expect("signed in")
    };
    let caller = set(&caller, PASSWORD, "another one for warm").await;
    assert_eq!(statements(&backend.db, backend.register("ann")).await.1, 6, "begin, person, words of the name, session, commit");
    assert_eq!(
        statements(&backend.db, backend.login("ann", PASSWORD, "192.0.2.2")).await.1,
        5,
        "account, begin, session, those beyond fifty, commit"
    );
    assert_eq!(statements(&backend.db, backend.login("nobody", PASSWORD, "192.0.2.2")).await.1, 1);
    assert_eq!(statements(&backend.db, backend.login("nobody@x.example", PASSWORD, "192.0.2.2")).await.1, 1);
    let cost = statements(&backend.db, set(&caller, "another one for warm", "a third one for warm")).await.1;
    assert_eq!(
        cost, 12,
        "account, begin, password, the session's end and its note, those of others, the new one and its device, commit; what is to be closed, \
         and that it is; the test's own look"
    );
}

#[tokio::test]
async fn addresses_that_collations_confuse_are_different_ones() {
    let backend = Backend::open().await;
    let pairs = [
        ("j\u{fc}rgen@example.com", "jurgen@example.com"),
        ("😎@example.com", "😀@example.com"),
        ("\u{131}da@example.com", "ida@example.com"),
    ];
    for (at, (one, other)) in pairs.into_iter().enumerate() {
        for (who, email) in [("one", one), ("other", other)] {
            let given = Register {
                email: Some(email.into()),
                password: format!("of {who} alone"),
                ..registration(&format!("{who}{at}"))
            };
            accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &given).await.expect("made");
        }
        for (who, email) in [("one", one), ("other", other)] {
            let signed_in = backend.login(email, &format!("of {who} alone"), "192.0.2.1").await.expect("signed in");
            assert_eq!(signed_in.user.user.username, format!("{who}{at}"));
        }
    }
}
