//! Rate limits without a row to count on, and tickets, on a real DynamoDB API.

use shared::config::Limits;
use shared::domain::auth::accounts;
use shared::domain::auth::sessions;
use shared::domain::auth::sessions::SessionOwner;
use shared::domain::auth::tickets;
use shared::error::{Error, Limit, Result};
use shared::id::UserId;
use shared::protocol::accounts::Register;

use crate::backend::{Backend, NOW, PASSWORD, registration, visitor};
use crate::fixture::{self, statements};

const WRONG: &str = "not the password";

fn narrow(quota: u32) -> Limits {
    let limit = Limit { quota, window: 300 };
    Limits { register: limit, login: limit, connect: limit, ..fixture::limits() }
}

fn code<T>(outcome: &Result<T>) -> &'static str {
    outcome.as_ref().map_or_else(Error::code, |_| "ok")
}

#[tokio::test]
async fn password_guessing_is_refused_and_locks_out_no_other_user() {
    let backend = Backend::limited(narrow(3)).await;
    backend.register("ann").await;
    for _ in 0..3 {
        assert_eq!(code(&backend.login("ann", WRONG, "198.51.100.1").await), "invalid_credentials");
    }
    for password in [WRONG, PASSWORD] {
        let refused = backend.login("ANN", password, "198.51.100.1").await;
        let Err(Error::TooMany { retry_after, policy }) = refused else { panic!("{}", code(&refused)) };
        assert!((1..=300).contains(&retry_after));
        assert_eq!(policy, Some(Limit { quota: 3, window: 300 }));
    }
    assert_eq!(code(&backend.login("ann", PASSWORD, "198.51.100.2").await), "ok", "the owner comes from elsewhere");
    assert_eq!(code(&backend.login("bob", WRONG, "198.51.100.1").await), "invalid_credentials", "others may still be tried");
    let later = shared::domain::auth::anonymous::AnonymousCaller { now: NOW.plus_seconds(300), ..visitor("198.51.100.1") };
    let given =
        shared::protocol::accounts::Login { username: Some("ann".into()), email: None, password: PASSWORD.into(), device: None };
    accounts::login(&backend.db, backend.sign_in(&later), &given).await.expect("the window has ended");
}

#[tokio::test]
async fn only_failures_count() {
    let backend = Backend::limited(narrow(3)).await;
    backend.register("ann").await;
    for _ in 0..10 {
        assert_eq!(code(&backend.login("ann", PASSWORD, "198.51.100.1").await), "ok");
    }
    assert_eq!(code(&backend.login("ann", WRONG, "198.51.100.1").await), "invalid_credentials");
    assert_eq!(code(&backend.login("ann", PASSWORD, "198.51.100.1").await), "ok");
}

#[tokio::test]
async fn a_burst_of_guesses_does_not_outrun_the_counter() {
    let backend = std::sync::Arc::new(Backend::limited(narrow(3)).await);
    backend.register("ann").await;
    let tries = (0..12).map(|_| {
        let backend = std::sync::Arc::clone(&backend);
        tokio::spawn(async move { code(&backend.login("ann", WRONG, "198.51.100.1").await) })
    });
    let mut checked = 0;
    for one in tries.collect::<Vec<_>>() {
        checked += u32::from(one.await.expect("ran") == "invalid_credentials");
    }
    assert_eq!(checked, 3);
}

#[tokio::test]
async fn one_address_cannot_try_a_password_on_everyone() {
    let backend = Backend::limited(narrow(1)).await;
    for number in 0..10 {
        assert_eq!(code(&backend.login(&format!("user{number}"), WRONG, "198.51.100.1").await), "invalid_credentials");
    }
    assert_eq!(code(&backend.login("user10", WRONG, "198.51.100.1").await), "rate_limited");
    assert_eq!(code(&backend.login("user10", WRONG, "198.51.100.2").await), "invalid_credentials");
    let same_network = backend.login("user11", WRONG, "2001:db8::1").await;
    assert_eq!(code(&same_network), "invalid_credentials");
    assert_eq!(
        code(&backend.login("user11", WRONG, "2001:db8::ffff:1").await),
        "rate_limited",
        "half an IPv6 address is one place"
    );
}

#[tokio::test]
async fn many_addresses_cannot_lock_the_owner_out_of_home() {
    let backend = Backend::limited(narrow(2)).await;
    let home = "203.0.113.7";
    backend.register("ann").await;
    backend.login("ann", PASSWORD, home).await.expect("logged in");
    for number in 1..=10 {
        for _ in 0..2 {
            assert_eq!(code(&backend.login("ann", WRONG, &format!("198.51.100.{number}")).await), "invalid_credentials");
        }
    }
    assert_eq!(code(&backend.login("ann", WRONG, "198.51.100.99").await), "rate_limited", "enough from everywhere");
    assert_eq!(code(&backend.login("ann", PASSWORD, "198.51.100.98").await), "rate_limited");
    assert_eq!(code(&backend.login("ann", PASSWORD, home).await), "ok");
}

#[tokio::test]
async fn failures_at_a_name_say_nothing_of_whose_an_address_is() {
    let backend = Backend::limited(narrow(2)).await;
    let given = Register { email: Some("private@example.com".into()), ..registration("ann") };
    accounts::register(&backend.db, backend.sign_in(&visitor("203.0.113.7")), &[], &given).await.expect("made");
    let eve = "198.51.100.1";
    for _ in 0..2 {
        assert_eq!(code(&backend.login("ann", WRONG, eve).await), "invalid_credentials");
    }
    assert_eq!(code(&backend.login("ann", WRONG, eve).await), "rate_limited");
    for address in ["private@example.com", "nobody@example.com", "PRIVATE@example.com", "NOBODY@example.com"] {
        assert_eq!(code(&backend.login(address, WRONG, eve).await), "invalid_credentials", "{address}");
    }
    for address in ["private@example.com", "nobody@example.com"] {
        assert_eq!(code(&backend.login(address, WRONG, eve).await), "rate_limited", "{address}, in whatever case");
    }
    // From many networks at once: known and unknown names are limited alike, at home, too.
    for number in 1..=20 {
        for name in ["ann", "private@example.com", "nobody@example.com", "nobody"] {
            assert!(backend.login(name, WRONG, &format!("192.0.2.{number}")).await.is_err());
        }
    }
    for (name, ip) in [
        ("ann", "192.0.2.99"),
        ("private@example.com", "192.0.2.99"),
        ("nobody@example.com", "192.0.2.99"),
        ("private@example.com", "203.0.113.7"),
        ("nobody@example.com", "203.0.113.7"),
    ] {
        assert_eq!(code(&backend.login(name, WRONG, ip).await), "rate_limited", "{name} from {ip}");
    }
    assert_eq!(code(&backend.login("private@example.com", PASSWORD, "203.0.113.7").await), "ok", "her own home");
}

#[tokio::test]
async fn invented_names_lock_no_neighbour_out() {
    let backend = Backend::limited(Limits { register: Limit { quota: 5, window: 300 }, ..narrow(1) }).await;
    for name in ["ann", "bob"] {
        backend.register(name).await;
    }
    let office = "203.0.113.7";
    backend.login("ann", PASSWORD, office).await.expect("she has come from there");
    for number in 0..12 {
        assert!(backend.login(&format!("ghost{number}"), WRONG, office).await.is_err());
    }
    assert_eq!(code(&backend.login("ghost99", WRONG, office).await), "rate_limited");
    assert_eq!(code(&backend.login("bob", PASSWORD, office).await), "rate_limited", "he never came from there");
    for _ in 0..3 {
        assert_eq!(code(&backend.login("ann", PASSWORD, office).await), "ok");
    }
    assert_eq!(code(&backend.login("ann", WRONG, office).await), "rate_limited", "wrong passwords get the same answer");
    assert_eq!(code(&backend.login("ann", PASSWORD, office).await), "rate_limited", "and her name has its own limit there");
}

#[tokio::test]
async fn a_flood_costs_password_hashing_only_in_known_networks() {
    let backend = Backend::limited(narrow(1)).await;
    let given = Register { email: Some("ann@example.com".into()), ..registration("ann") };
    let office = "203.0.113.7";
    accounts::register(&backend.db, backend.sign_in(&visitor(office)), &[], &given).await.expect("made");
    for _ in 0..101 {
        backend.throttle.count_invalid(&visitor(office), Error::TooLarge).await;
    }
    let stranger = statements(&backend.db, backend.login("nobody", WRONG, office)).await;
    assert_eq!((code(&stranger.0), stranger.1), ("rate_limited", 2));
    assert_eq!(code(&backend.login("ann@example.com", PASSWORD, office).await), "rate_limited", "timing must not reveal it");
    assert_eq!(code(&backend.login("ann", PASSWORD, office).await), "ok");
}

#[tokio::test]
async fn home_is_half_an_ipv6_address() {
    let backend = Backend::limited(narrow(2)).await;
    backend.register("ann").await;
    backend.login("ann", PASSWORD, "2001:db8:1:2:aaaa::5").await.expect("logged in");
    for network in 1..=11 {
        for _ in 0..2 {
            assert!(backend.login("ann", WRONG, &format!("2001:db8:beef:{network:x}00::1")).await.is_err());
        }
    }
    assert_eq!(code(&backend.login("ann", PASSWORD, "2001:db8:1:3::5").await), "rate_limited", "another line");
    for address in ["2001:db8:1:2:aaaa::5", "2001:db8:1:2:bbbb::6"] {
        assert_eq!(code(&backend.login("ann", PASSWORD, address).await), "ok", "{address}: privacy addresses change daily");
    }
}

#[tokio::test]
async fn a_line_at_home_is_not_two_hundred_and_fifty_six_places() {
    let backend = Backend::limited(Limits { login: Limit { quota: 100, window: 300 }, ..narrow(1) }).await;
    let register = async |number: u32, ip: &str| {
        let given = registration(&format!("user{number}"));
        code(&accounts::register(&backend.db, backend.sign_in(&visitor(ip)), &[], &given).await)
    };
    for number in 0..4 {
        assert_eq!(register(number, &format!("2001:db8:1:{number:x}::1")).await, "ok");
    }
    assert_eq!(register(4, "2001:db8:1:4::1").await, "rate_limited", "four for a /56");
    assert_eq!(register(5, "2001:db8:1:100::1").await, "ok", "the next line");
    for number in 0..20 {
        assert_eq!(
            register(4, "2001:db8:1:0::1").await,
            "rate_limited",
            "{number}: its own /64 is full, and uses up no wider one"
        );
    }
    for number in 6..17 {
        assert_eq!(register(number, &format!("2001:db8:1:{:x}00::1", number - 4)).await, "ok", "{number}");
    }
    assert_eq!(register(17, "2001:db8:1:f000::1").await, "rate_limited", "sixteen for a /48");
    assert_eq!(register(17, "2001:db8:2::1").await, "ok");
}

#[tokio::test]
async fn invalid_requests_count_against_their_network_only() {
    let backend = Backend::limited(narrow(1)).await;
    let home = "203.0.113.7";
    accounts::register(&backend.db, backend.sign_in(&visitor(home)), &[], &registration("ann")).await.expect("made");
    for _ in 0..10 {
        let refused = backend.throttle.count_invalid(&visitor(home), Error::TooLarge).await;
        assert_eq!(refused.code(), "too_large");
    }
    let empty = shared::protocol::accounts::Login { username: None, email: None, password: String::new(), device: None };
    let refused = accounts::login(&backend.db, backend.sign_in(&visitor(home)), &empty).await;
    assert_eq!(code(&refused), "rate_limited", "neither name nor address");
    let short = Register { password: "x".into(), ..registration("bob") };
    let refused = accounts::register(&backend.db, backend.sign_in(&visitor(home)), &[], &short).await;
    assert_eq!(code(&refused), "rate_limited");
    assert_eq!(code(&backend.login("ann", PASSWORD, home).await), "ok");
    let made = accounts::register(&backend.db, backend.sign_in(&visitor("203.0.113.8")), &[], &registration("bob")).await;
    assert_eq!(code(&made), "ok", "another network");
    let unknown = Backend::without_dynamodb().await;
    assert_eq!(
        unknown.throttle.count_invalid(&visitor(home), Error::TooLarge).await.code(),
        "too_large",
        "uncounted, it is refused as before"
    );
}

#[tokio::test]
async fn a_stolen_token_is_no_licence_to_guess_the_password() {
    let backend = Backend::limited(narrow(3)).await;
    let caller = backend.caller(&backend.register("ann").await).await.expect("signed in");
    let set = async |current: &str| {
        let given = shared::protocol::accounts::ChangePassword { current: current.into(), new: "a new password for ann".into() };
        let from = visitor("192.0.2.1");
        code(&accounts::change_password(&backend.db, backend.sign_in(&from), &caller, &given).await)
    };
    for _ in 0..3 {
        assert_eq!(set(WRONG).await, "wrong_password");
    }
    assert_eq!(set(PASSWORD).await, "rate_limited");
}

#[tokio::test]
async fn an_address_makes_so_many_accounts_and_no_more() {
    let backend = Backend::limited(narrow(2)).await;
    let register = async |name: &str, ip: &str| {
        code(&accounts::register(&backend.db, backend.sign_in(&visitor(ip)), &[], &registration(name)).await)
    };
    assert_eq!(register("ann", "198.51.100.1").await, "ok");
    assert_eq!(register("x", "198.51.100.1").await, "invalid_input", "what is wrong is not counted");
    assert_eq!(register("bob", "198.51.100.1").await, "ok");
    assert_eq!(register("eve", "198.51.100.1").await, "rate_limited");
    assert_eq!(register("eve", "198.51.100.2").await, "ok");
}

#[tokio::test]
async fn without_dynamodb_logins_fail_and_sessions_continue() {
    let backend = Backend::without_dynamodb().await;
    let whole = Backend::open().await;
    let ann = whole.register("ann").await;
    let caller = whole.caller(&ann).await.expect("signed in");
    let registered = accounts::register(&backend.db, backend.sign_in(&visitor("192.0.2.1")), &[], &registration("bob")).await;
    assert_eq!(code(&registered), "unavailable");
    assert_eq!(code(&backend.login("ann", PASSWORD, "192.0.2.1").await), "unavailable");
    backend.throttle.connect(UserId(7), NOW).await.expect("sockets go uncounted");
    assert_eq!(code(&tickets::issue(&backend.ephemeral, &backend.throttle, &caller, "ws://localhost/ws").await), "unavailable");
    assert_eq!(code(&tickets::redeem(&whole.db, &backend.ephemeral, "x", NOW).await), "unavailable");
    let renewed = sessions::refresh(&whole.db, backend.sign_in(&visitor("192.0.2.1")), &ann.tokens.refresh_token).await;
    assert_eq!(code(&renewed), "ok");
}

#[tokio::test]
async fn a_ticket_works_once_and_for_a_minute() {
    let backend = std::sync::Arc::new(Backend::open().await);
    let caller = backend.caller(&backend.register("ann").await).await.expect("signed in");
    let issue = async || {
        tickets::issue(&backend.ephemeral, &backend.throttle, &caller, "ws://localhost:8081/ws").await.expect("a ticket")
    };
    let ticket = issue().await;
    assert_eq!((ticket.url, ticket.expires_in), (format!("ws://localhost:8081/ws?ticket={}", ticket.ticket), 60));
    let tries = (0..32).map(|_| {
        let (backend, ticket) = (std::sync::Arc::clone(&backend), ticket.ticket.clone());
        tokio::spawn(async move { tickets::redeem(&backend.db, &backend.ephemeral, &ticket, NOW).await })
    });
    let mut holders = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        holders.extend(one.await.expect("ran").map(|found| (found.user, found.session)));
    }
    assert_eq!(holders, [(caller.user, caller.session)]);
    let (late, early) = (issue().await, issue().await);
    let at = async |ticket: &str, seconds| {
        code(&tickets::redeem(&backend.db, &backend.ephemeral, ticket, NOW.plus_seconds(seconds)).await)
    };
    assert_eq!((at(&late.ticket, 60).await, at(&early.ticket, 59).await), ("unauthenticated", "ok"));
    for unknown in ["", "x", "ticket#", &"x".repeat(100_000), &late.url] {
        assert_eq!(at(unknown, 0).await, "unauthenticated", "{}", unknown.len());
    }
}

#[tokio::test]
async fn a_ticket_ends_with_the_session_that_asked_for_it() {
    let backend = Backend::limited(narrow(3)).await;
    let caller = backend.caller(&backend.register("ann").await).await.expect("signed in");
    let ticket =
        tickets::issue(&backend.ephemeral, &backend.throttle, &caller, "wss://x.example/ws?v=1").await.expect("a ticket");
    assert!(ticket.url.starts_with("wss://x.example/ws?v=1&ticket="));
    for _ in 0..2 {
        tickets::issue(&backend.ephemeral, &backend.throttle, &caller, "ws://x").await.expect("a ticket");
    }
    assert_eq!(code(&tickets::issue(&backend.ephemeral, &backend.throttle, &caller, "ws://x").await), "rate_limited");
    sessions::logout(&backend.db, &backend.push, &SessionOwner::SignedIn(caller)).await.expect("logged out");
    assert_eq!(code(&tickets::redeem(&backend.db, &backend.ephemeral, &ticket.ticket, NOW).await), "session_ended");
}
