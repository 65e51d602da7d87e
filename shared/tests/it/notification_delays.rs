//! Notifications that wait: for the end of a pause, and for push services that are busy. Queues deliver at least once, in any order.

use std::time::Duration;

use shared::caller::Caller;
use shared::domain::messages::unsend;
use shared::domain::people::blocks;
use shared::id::RoomRef;
use shared::push::web::{PushOutcome, WebPush};

use crate::fixture::person;
use crate::notifications::{Bench, url};

#[tokio::test]
async fn a_burst_is_notified_at_once_and_once_more_with_its_latest() {
    let bench = Bench::with(200, Duration::from_secs(1)).await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    for number in 1..=5 {
        bench.send(&ann, room, &format!("{number}")).await;
    }
    let payloads = bench.payloads().await;
    let previews: Vec<_> = payloads.iter().map(|(_, news, _)| news["preview"].as_str().unwrap_or_default()).collect();
    assert_eq!(previews, ["1", "5"], "{payloads:?}");
    let other = bench.group(&ann, &[&bob]).await;
    assert_eq!(bench.notified(&ann, other, "Elsewhere").await, ["bob"], "each room has its own pause");
}

#[tokio::test]
async fn requests_that_come_twice_or_in_the_wrong_order_notify_once() {
    for (reversed, expected) in [(false, &["1", "4"][..]), (true, &["4"][..])] {
        let bench = Bench::with(200, Duration::from_secs(20)).await;
        let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
        let room = bench.group(&ann, &[&bob]).await;
        for number in 1..=4 {
            bench.send(&ann, room, &format!("{number}")).await;
        }
        loop {
            let mut requests = bench.requests().await;
            if requests.is_empty() {
                break;
            }
            if reversed {
                requests.reverse();
            }
            for request in &requests {
                bench.serve(request).await;
                bench.serve(request).await;
            }
        }
        assert_eq!(bench.previews().await, expected, "reversed: {reversed}");
    }
}

#[tokio::test]
async fn a_message_that_is_unsent_within_the_pause_gives_way_to_a_later_one() {
    let bench = Bench::with(200, Duration::from_secs(20)).await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    bench.send(&ann, room, "first").await;
    let second = bench.send(&ann, room, "second").await;
    bench.send(&ann, room, "third").await;
    for request in bench.requests().await {
        bench.serve(&request).await;
    }
    assert_eq!(bench.previews().await, ["first"]);
    unsend::unsend(&bench.db, &bench.push, &ann, &RoomRef::Id(room), second).await.expect("unsent");
    for request in bench.requests().await {
        bench.serve(&request).await;
    }
    assert_eq!(bench.previews().await, ["third"]);
}

#[tokio::test]
async fn a_busy_push_service_is_tried_again_unless_it_wants_long_or_there_is_news() {
    let bench = Bench::open().await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    let WebPush::Memory(web) = &bench.web else { panic!("not in memory") };
    for (outcome, attempts) in [
        (PushOutcome::Busy(None), 3),
        (PushOutcome::Busy(Some(30)), 3),
        (PushOutcome::Busy(Some(600)), 1),
        (PushOutcome::Failed, 1),
    ] {
        web.set_outcome(&url("bob"), outcome).await;
        assert_eq!(bench.notified(&ann, room, "Hi").await.len(), attempts, "{outcome:?}");
    }
    web.set_outcome(&url("bob"), PushOutcome::Busy(None)).await;
    bench.send(&ann, room, "old").await;
    for request in bench.requests().await {
        bench.serve(&request).await;
    }
    let retries = bench.requests().await;
    assert_eq!((retries.len(), bench.previews().await), (1, vec!["old".to_owned()]));
    web.set_outcome(&url("bob"), PushOutcome::Accepted).await;
    assert_eq!(bench.notified(&ann, room, "new").await, ["bob"]);
    assert_eq!(bench.serve(&retries[0]).await, 0, "the older one would replace the newer one");
}

#[tokio::test]
async fn busy_devices_of_a_user_are_tried_again_together_and_once() {
    let bench = Bench::open().await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let tablet = Caller { session: bench.login(&bob).await, ..bob.clone() };
    bench.subscribe(&tablet, "tablet").await.expect("subscribed");
    let room = bench.group(&ann, &[&bob]).await;
    let WebPush::Memory(web) = &bench.web else { panic!("not in memory") };
    web.set_outcome(&url("bob"), PushOutcome::Busy(Some(30))).await;
    web.set_outcome(&url("tablet"), PushOutcome::Busy(None)).await;
    bench.send(&ann, room, "Hi").await;
    for request in bench.requests().await {
        bench.serve(&request).await;
    }
    let retries = bench.requests().await;
    assert_eq!(retries.len(), 1, "{retries:?}");
    for device in ["bob", "tablet"] {
        web.set_outcome(&url(device), PushOutcome::Accepted).await;
    }
    assert_eq!((bench.serve(&retries[0]).await, bench.serve(&retries[0]).await), (2, 0));
}

#[tokio::test]
async fn after_the_pause_each_gets_the_newest_message_that_is_for_them() {
    let bench = Bench::with(200, Duration::from_secs(1)).await;
    let (ann, bob, cat) = (bench.subscriber("ann").await, bench.subscriber("bob").await, bench.subscriber("cat").await);
    let dan = person(&bench.db, "dan").await;
    let room = bench.group(&dan, &[&ann, &bob, &cat]).await;
    blocks::add(&bench.db, &bench.push, &ann, bob.user).await.expect("blocked");
    for text in ["first", "second", "third"] {
        bench.send(&dan, room, text).await;
    }
    bench.send(&bob, room, "across a block for ann").await;
    let noise = bench.send(&bob, room, "noise").await;
    unsend::hide(&bench.db, &bench.push, &cat, &RoomRef::Id(room), noise).await.expect("hidden");
    let payloads = bench.payloads().await;
    let mut latest = std::collections::BTreeMap::new();
    for (device, news, _) in &payloads {
        latest.insert(device.as_str(), news["preview"].as_str().unwrap_or_default());
    }
    let times = |name: &str| payloads.iter().filter(|(device, ..)| device == name).count();
    assert_eq!((times("ann"), times("bob"), times("cat")), (2, 0, 2), "who writes has read: {payloads:?}");
    assert_eq!((latest["ann"], latest["cat"]), ("third", "across a block for ann"));
}

#[tokio::test]
async fn users_who_return_within_the_pause_are_not_notified_again() {
    let bench = Bench::with(200, Duration::from_secs(1)).await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    bench.send(&ann, room, "1").await;
    bench.send(&ann, room, "2").await;
    bench.connect(&bob).await;
    assert_eq!(bench.payloads().await.len(), 1);
}
