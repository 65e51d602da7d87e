//! The work budget: one user's work is limited across routes and instances, and does not affect others.

use std::time::{Duration, Instant};

use shared::caller::Caller;
use shared::config::Limits;
use shared::domain::limits::throttle::Throttle;
use shared::domain::limits::work_budget::WorkOwner;
use shared::domain::limits::work_costs::{self, Cost, Counter};
use shared::error::{Error, Limit, Result};
use shared::id::{SessionId, UserId};

use crate::backend::{self, Backend, NOW};
use crate::fixture::{caller, limits};

const ANN: UserId = UserId(7);
const BOB: UserId = UserId(8);
/// One unit per second once the burst is used up.
const WORK: Limit = Limit { quota: 300, window: 300 };

fn of(user: UserId) -> WorkOwner {
    WorkOwner { user, session: SessionId(1) }
}

fn costing(charged: u32) -> Cost {
    Cost { charged, max: charged, counter: Counter::None }
}

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "ok")
}

/// Instances of a function over one table.
async fn instances<const MANY: usize>() -> [Throttle; MANY] {
    let table = backend::ephemeral().await;
    std::array::from_fn(|_| Throttle::new(table.clone(), Limits { work: WORK, ..limits() }))
}

#[tokio::test]
async fn a_budget_holds_across_instances_and_affects_no_other_user() {
    let [one, other] = instances().await;
    let mut done = 0;
    // Nine at a time are fewer than one report.
    while code(if done % 2 == 0 { &one } else { &other }.charge(ANN, costing(9), NOW).await) == "ok" {
        done += 1;
        assert!(done < 100, "there is no end to it");
    }
    assert!((30..=36).contains(&done), "{done} times 9 of 300, as exactly as two instances know");
    let refused = one.charge(ANN, costing(30), NOW).await;
    assert!(matches!(refused, Err(Error::TooMany { retry_after: 20..=40, policy: Some(WORK) })), "{refused:?}");
    assert_eq!(code(other.charge(ANN, costing(30), NOW).await), "rate_limited");
    assert_eq!(code(one.charge(BOB, costing(200), NOW).await), "ok", "another person has their own");
    let later = NOW.plus_seconds(50);
    assert_eq!(code(one.charge(ANN, costing(100), later).await), "rate_limited", "not all of it is back");
    assert_eq!(code(one.charge(ANN, costing(30), later).await), "ok", "as much as the time that went by");
    assert_eq!(code(other.charge(ANN, costing(40), later).await), "rate_limited");
    assert_eq!(code(other.charge(ANN, costing(250), NOW.plus_seconds(1000)).await), "ok", "in the end, all");
}

#[tokio::test]
async fn what_is_heavy_is_known_everywhere_at_once() {
    let [one, other] = instances().await;
    assert_eq!(code(one.charge(ANN, costing(290), NOW).await), "ok");
    assert_eq!(code(other.charge(ANN, costing(25), NOW).await), "rate_limited");
    assert_eq!(code(other.charge(ANN, costing(10), NOW).await), "ok", "what fits is served, though more did not");
    assert_eq!(code(other.charge(ANN, costing(1), NOW).await), "rate_limited");
}

#[tokio::test]
async fn unauthenticated_requests_use_no_users_budget() {
    let [one] = instances().await;
    for _ in 0..100 {
        let ended = async { Err::<Caller, _>(Error::Unauthenticated("session_ended")) };
        let refused = one.admit(ended, of(ANN), costing(50), NOW).await;
        assert_eq!(code(refused), "session_ended");
    }
    let here = || async { Ok(caller(ANN, "ann")) };
    assert_eq!(code(one.admit(here(), of(ANN), costing(200), NOW).await), "ok");
    assert_eq!(code(one.admit(here(), of(ANN), costing(200), NOW).await), "rate_limited");
}

#[tokio::test]
async fn a_charge_for_an_ended_session_is_withdrawn() {
    let [one] = instances().await;
    for _ in 0..100 {
        one.admit_unverified(of(ANN), costing(50), NOW).await.expect("the budget is as it was");
        one.withdraw(of(ANN), costing(50), NOW).await.expect("counted by its session");
    }
    one.admit_unverified(of(ANN), costing(200), NOW).await.expect("nothing was used");
    assert_eq!(code(one.admit_unverified(of(ANN), costing(200), NOW).await), "rate_limited");
}

#[tokio::test]
async fn an_ended_session_counts_against_itself_and_not_against_its_owner() {
    let table = backend::ephemeral().await;
    let throttle = Throttle::new(table, Limits { work: WORK, act: Limit { quota: 5, window: 300 }, ..limits() });
    for counter in [Counter::Act, Counter::Receipt] {
        let price = Cost { counter, ..costing(90) };
        let thief = WorkOwner { session: SessionId(if counter == Counter::Act { 21 } else { 22 }), ..of(ANN) };
        let mut outcomes = Vec::new();
        for _ in 0..7 {
            let ended = async { Err::<Caller, _>(Error::Unauthenticated("session_ended")) };
            outcomes.push(code(throttle.admit(ended, thief, price, NOW).await));
        }
        assert_eq!(outcomes[..5], ["session_ended"; 5], "{counter:?}");
        assert_eq!(outcomes[5..], ["rate_limited"; 2], "{counter:?}");
        let own = throttle.admit(async { Ok(caller(ANN, "ann")) }, of(ANN), price, NOW).await;
        assert_eq!(code(own), "ok", "{counter:?}");
    }
    // Nothing is given back that was not paid: two of the three requests that fit have been served.
    let own = throttle.admit(async { Ok(caller(ANN, "ann")) }, of(ANN), costing(90), NOW).await;
    assert_eq!(code(own), "ok");
    let refused = async { Err::<Caller, _>(Error::Unauthenticated("session_ended")) };
    assert_eq!(code(throttle.admit(refused, of(ANN), costing(90), NOW).await), "rate_limited");
    let own = throttle.admit(async { Ok(caller(ANN, "ann")) }, of(ANN), costing(90), NOW).await;
    assert_eq!(code(own), "rate_limited");
}

#[tokio::test]
async fn a_used_up_budget_does_not_prevent_ending_sessions() {
    let [one] = instances().await;
    assert_eq!(code(one.charge(ANN, costing(1000), NOW).await), "ok", "nothing is too much for a whole budget");
    let here = || async { Ok(caller(ANN, "ann")) };
    for ending in ["POST /api/auth/logout", "POST /api/auth/logout-all", "DELETE /api/auth/sessions/{session_id}"] {
        let (method, path) = ending.split_once(' ').expect("a method and a path");
        assert_eq!(code(one.admit(here(), of(ANN), work_costs::of_route(method, path, None), NOW).await), "ok", "{ending}");
    }
    assert_eq!(code(one.admit(here(), of(ANN), work_costs::of_route("GET", "/api/rooms", None), NOW).await), "rate_limited");
}

#[tokio::test]
async fn acts_marks_and_ends_are_counted_apart_from_each_other() {
    let act = Limit { quota: 2, window: 300 };
    let table = backend::ephemeral().await;
    let throttle = Throttle::new(table, Limits { act, ..limits() });
    for counter in [Counter::Act, Counter::Receipt, Counter::Ending] {
        let price = Cost { counter, ..costing(1) };
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            outcomes.push(code(throttle.admit(async { Ok(caller(ANN, "ann")) }, of(ANN), price, NOW).await));
        }
        assert_eq!(outcomes, ["ok", "ok", "rate_limited"], "{counter:?}");
    }
    let another = WorkOwner { session: SessionId(2), ..of(ANN) };
    let price = Cost { counter: Counter::Ending, ..costing(1) };
    let ends = throttle.admit(async { Ok(caller(ANN, "ann")) }, another, price, NOW).await;
    assert_eq!(code(ends), "ok", "each session can be ended from itself");
}

#[tokio::test]
async fn without_dynamodb_an_instance_counts_for_itself() {
    let backend = Backend::without_dynamodb().await;
    let begun = Instant::now();
    assert_eq!(code(backend.throttle.charge(ANN, costing(50), NOW).await), "ok");
    assert_eq!(code(backend.throttle.charge(ANN, costing(1_000_000), NOW).await), "rate_limited");
    assert_eq!(code(backend.throttle.charge(ANN, costing(50), NOW).await), "ok");
    assert!(backend.throttle.lease_catch_up(ANN, NOW).await.expect("it goes on").is_none());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn many_at_once_on_a_whole_budget_are_all_served() {
    let tabs: [Throttle; 6] = instances().await;
    let charged = futures_util::future::join_all(tabs.iter().map(|tab| tab.charge(ANN, costing(30), NOW))).await;
    assert!(charged.iter().all(Result::is_ok), "{charged:?}");
    let charged = futures_util::future::join_all(tabs.iter().map(|tab| tab.charge(ANN, costing(30), NOW))).await;
    assert_eq!(charged.iter().filter(|outcome| outcome.is_ok()).count(), 4, "exactly ten times thirty: {charged:?}");
}

#[tokio::test]
async fn one_catches_up_at_a_time_and_the_next_waits_a_moment() {
    let [one, other] = instances().await;
    let first = one.lease_catch_up(ANN, NOW).await.expect("no other holder");
    assert!(first.is_some());
    let stranger = other.lease_catch_up(BOB, NOW).await.expect("another person");
    assert!(stranger.is_some());
    let begun = Instant::now();
    let refused = other.lease_catch_up(ANN, NOW).await.err();
    assert!(matches!(refused, Some(Error::TooMany { retry_after: 1, .. })), "{refused:?}");
    let waited = begun.elapsed();
    assert!((Duration::from_millis(800)..Duration::from_secs(3)).contains(&waited), "{waited:?}");
    let ((), second) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            one.release_catch_up(first).await;
        },
        other.lease_catch_up(ANN, NOW)
    );
    assert!(second.expect("its turn comes").is_some());
    // The former holder is gone without releasing the lease.
    assert!(one.lease_catch_up(ANN, NOW.plus_seconds(20)).await.expect("a lease ends by itself").is_some());
}
