//! Friend requests, their answers, races, and blocks.

use std::collections::BTreeSet;

use shared::caller::Caller;
use shared::domain::paging::PageRequest;
use shared::domain::people::blocks;
use shared::domain::people::friends::{self, MAX_FRIENDS, MAX_OPEN_REQUESTS};
use shared::domain::rooms::directs;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::frames::Frame;
use shared::protocol::friends::{Direction, FriendState, Friendship, NewFriend};
use shared::push::Push;
use shared::store::Db;
use shared::time::Timestamp;

use crate::fixture::{self, person, statements};

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

async fn ask(db: &Db, push: &Push, who: &Caller, whom: &Caller) -> Result<(Friendship, bool)> {
    friends::send_request(db, push, who, &NewFriend { user_id: Some(whom.user), username: None }).await
}

/// Befriends two users and discards the frames.
pub(crate) async fn befriend(db: &Db, push: &Push, one: &Caller, other: &Caller) {
    ask(db, push, one, other).await.expect("asked");
    friends::accept(db, push, other, one.user).await.expect("agreed");
    push.take_sent().await;
}

async fn friends_of(db: &Db, push: &Push, who: &Caller) -> Vec<UserId> {
    let page = friends::list(db, push, who, PageRequest::default()).await.expect("a list");
    page.items.iter().map(|friend| friend.user.id).collect()
}

async fn open(db: &Db, who: &Caller, direction: Direction) -> Vec<UserId> {
    let page = friends::requests(db, who, direction, PageRequest::default()).await.expect("a list");
    page.items.iter().map(|request| request.user.id).collect()
}

async fn run(db: &Db, sql: &str) {
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut *connection).await.expect("it runs");
}

#[tokio::test]
async fn each_step_of_a_friend_request_is_pushed_to_both() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let (asked, new) = ask(&db, &push, &ann, &bob).await.expect("asked");
    assert!(new && asked.state == FriendState::Pending && asked.direction == Direction::Out && asked.user.id == bob.user);
    let pushed = push.take_sent().await;
    for (user, direction, other) in [(ann.user, Direction::Out, bob.user), (bob.user, Direction::In, ann.user)] {
        let received = pushed.iter().any(|(to, frame)| {
            *to == user && matches!(frame, Frame::FriendRequest(it) if it.direction == direction && it.user.id == other)
        });
        assert!(received, "{pushed:?}");
    }
    assert_eq!(open(&db, &ann, Direction::Out).await, [bob.user]);
    assert_eq!(open(&db, &bob, Direction::In).await, [ann.user]);
    assert!(open(&db, &bob, Direction::Out).await.is_empty() && friends_of(&db, &push, &ann).await.is_empty());
    let agreed = friends::accept(&db, &push, &bob, ann.user).await.expect("agreed");
    assert_eq!((agreed.state, agreed.direction, agreed.accepted_at), (FriendState::Accepted, Direction::In, Some(bob.now)));
    let pushed = push.take_sent().await;
    let accepted = pushed.iter().filter(|(_, frame)| matches!(frame, Frame::FriendAccepted(_))).map(|(to, _)| *to);
    assert_eq!(accepted.collect::<BTreeSet<_>>(), BTreeSet::from([ann.user, bob.user]));
    assert_eq!(friends_of(&db, &push, &ann).await, [bob.user]);
    assert_eq!(friends_of(&db, &push, &bob).await, [ann.user]);
    assert!(open(&db, &bob, Direction::In).await.is_empty());
    friends::remove(&db, &push, &ann, bob.user).await.expect("ended");
    let pushed = push.take_sent().await;
    for (user, other) in [(ann.user, bob.user), (bob.user, ann.user)] {
        assert!(
            pushed
                .iter()
                .any(|(to, frame)| *to == user && matches!(frame, Frame::FriendRemoved { user_id } if *user_id == other)),
            "{pushed:?}"
        );
    }
    assert!(friends_of(&db, &push, &bob).await.is_empty());
}

#[tokio::test]
async fn repeated_steps_have_defined_answers_and_are_not_pushed() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    assert!(ask(&db, &push, &ann, &bob).await.expect("asked").1);
    push.take_sent().await;
    let (same, new) = ask(&db, &push, &ann, &bob).await.expect("as it was");
    assert!(!new && same.state == FriendState::Pending);
    assert_eq!(
        code(friends::accept(&db, &push, &ann, bob.user).await),
        "request_not_found",
        "a user cannot accept for the other"
    );
    assert_eq!(code(friends::reject(&db, &push, &ann, bob.user).await), "request_not_found");
    assert_eq!(code(friends::cancel(&db, &push, &bob, ann.user).await), "request_not_found");
    assert_eq!(code(friends::accept(&db, &push, &eve, ann.user).await), "request_not_found");
    assert_eq!(code(friends::remove(&db, &push, &ann, bob.user).await), "friend_not_found", "not yet");
    assert!(push.take_sent().await.is_empty());
    friends::accept(&db, &push, &bob, ann.user).await.expect("agreed");
    push.take_sent().await;
    assert_eq!(friends::accept(&db, &push, &bob, ann.user).await.expect("again").state, FriendState::Accepted);
    assert_eq!(ask(&db, &push, &bob, &ann).await.expect("they are").0.state, FriendState::Accepted);
    assert_eq!(code(friends::reject(&db, &push, &bob, ann.user).await), "request_not_found", "it was answered");
    assert_eq!(code(friends::cancel(&db, &push, &ann, bob.user).await), "request_not_found");
    assert!(push.take_sent().await.is_empty());
    friends::remove(&db, &push, &bob, ann.user).await.expect("ended");
    assert_eq!(code(friends::remove(&db, &push, &bob, ann.user).await), "friend_not_found");
    let tomorrow = Caller { now: ann.now.plus_seconds(25 * 3600), ..ann.clone() };
    for (who, whom, end) in [(&ann, &bob, "reject"), (&tomorrow, &bob, "cancel")] {
        assert!(ask(&db, &push, who, whom).await.expect("asked").1, "one may ask again");
        let (first, again) = match end {
            "reject" => (friends::reject(&db, &push, whom, who.user).await, friends::reject(&db, &push, whom, who.user).await),
            _ => (friends::cancel(&db, &push, who, whom.user).await, friends::cancel(&db, &push, who, whom.user).await),
        };
        assert_eq!((code(first), code(again)), ("ok", "request_not_found"), "{end}");
    }
}

#[tokio::test]
async fn usernames_are_read_as_people_paste_them() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let by_name = |name: &str| NewFriend { user_id: None, username: Some(name.into()) };
    for name in ["@bob", "bob ", " @BOB\n", "＠bob"] {
        let (asked, _) =
            friends::send_request(&db, &push, &ann, &by_name(name)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(asked.user.id, bob.user, "{name}");
    }
    assert_eq!(code(friends::send_request(&db, &push, &ann, &by_name("@ann ")).await), "self_friend");
    for name in ["@", "", "@bobby", "b ob"] {
        assert_eq!(code(friends::send_request(&db, &push, &ann, &by_name(name)).await), "user_not_found", "{name}");
    }
}

#[tokio::test]
async fn mutual_requests_make_friends() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    ask(&db, &push, &ann, &bob).await.expect("asked");
    push.take_sent().await;
    let (friendship, new) = ask(&db, &push, &bob, &ann).await.expect("agreed");
    assert!(!new && friendship.state == FriendState::Accepted);
    assert_eq!(push.take_sent().await.iter().filter(|(_, frame)| matches!(frame, Frame::FriendAccepted(_))).count(), 2);
}

#[tokio::test]
async fn sixteen_requests_to_and_fro_at_once_make_one_friendship() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let asking = (0..16).map(|number| {
        let (url, who, whom) = match number % 2 {
            0 => (url.clone(), ann.clone(), bob.clone()),
            _ => (url.clone(), bob.clone(), ann.clone()),
        };
        tokio::spawn(async move {
            let (db, push) = (Db::lazy(&url).expect("a URL"), Push::memory());
            let (_, new) = ask(&db, &push, &who, &whom).await.expect("asked");
            let agreed = push.take_sent().await.iter().any(|(_, frame)| matches!(frame, Frame::FriendAccepted(_)));
            (new, agreed)
        })
    });
    let (mut asked, mut agreed) = (0, 0);
    for done in asking.collect::<Vec<_>>() {
        let (new, accepted) = done.await.expect("ran");
        (asked, agreed) = (asked + u32::from(new), agreed + u32::from(accepted));
    }
    assert_eq!((asked, agreed), (1, 1), "requested once, pushed once");
    let push = Push::memory();
    assert_eq!(friends_of(&db, &push, &ann).await, [bob.user]);
    assert_eq!(friends_of(&db, &push, &bob).await, [ann.user]);
}

#[tokio::test]
async fn a_block_that_races_with_a_request_leaves_no_request() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    for round in 0..12 {
        let (ann, bob) = (person(&db, &format!("ann{round}")).await, person(&db, &format!("bob{round}")).await);
        let (one, other) = (Db::lazy(&url).expect("a URL"), Db::lazy(&url).expect("a URL"));
        let (hers, his) = (Push::memory(), Push::memory());
        let (asked, blocked) = tokio::join!(ask(&one, &hers, &ann, &bob), blocks::add(&other, &his, &bob, ann.user));
        assert_eq!(code(blocked), "ok");
        assert!(matches!(code(asked), "ok" | "blocked"));
        assert!(open(&db, &ann, Direction::Out).await.is_empty(), "round {round}");
        assert!(open(&db, &bob, Direction::In).await.is_empty(), "round {round}");
    }
}

#[tokio::test]
async fn a_block_ends_what_stood_between_two_and_answers_both_alike() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    for friends_before in [true, false] {
        if friends_before {
            befriend(&db, &push, &ann, &bob).await;
        } else {
            ask(&db, &push, &bob, &ann).await.expect("asked");
        }
        push.take_sent().await;
        blocks::add(&db, &push, &ann, bob.user).await.expect("blocked");
        let pushed = push.take_sent().await;
        let removed = pushed.iter().filter(|(_, frame)| matches!(frame, Frame::FriendRemoved { .. })).map(|(to, _)| *to);
        assert_eq!(removed.collect::<BTreeSet<_>>(), BTreeSet::from([ann.user, bob.user]), "as if it had been taken back");
        assert!(friends_of(&db, &push, &bob).await.is_empty() && open(&db, &bob, Direction::Out).await.is_empty());
        for (who, whom) in [(&ann, &bob), (&bob, &ann)] {
            assert_eq!(code(ask(&db, &push, who, whom).await), "blocked");
            assert!(open(&db, who, Direction::Out).await.is_empty(), "nothing was written");
        }
        assert!(push.take_sent().await.is_empty(), "and nothing is pushed");
        blocks::add(&db, &push, &ann, bob.user).await.expect("again");
        assert!(push.take_sent().await.is_empty());
        blocks::remove(&db, &push, &ann, bob.user).await.expect("unblocked");
    }
    assert_eq!(code(ask(&db, &push, &bob, &ann).await), "rate_limited", "as after a request that was declined");
    let bob = Caller { now: bob.now.plus_seconds(25 * 3600), ..bob };
    assert!(ask(&db, &push, &bob, &ann).await.expect("asked").1, "afterwards one may ask again");
}

#[tokio::test]
async fn a_block_between_strangers_is_pushed_to_nobody_else() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    blocks::add(&db, &push, &ann, bob.user).await.expect("blocked");
    blocks::remove(&db, &push, &ann, bob.user).await.expect("unblocked");
    let pushed = push.take_sent().await;
    assert!(
        pushed.iter().all(|(to, frame)| *to == ann.user && matches!(frame, Frame::UserBlocked { .. })) && pushed.len() == 2,
        "{pushed:?}"
    );
    assert_eq!(code(blocks::add(&db, &push, &ann, ann.user).await), "self_block");
    assert_eq!(code(blocks::add(&db, &push, &ann, UserId(4711)).await), "user_not_found");
    directs::open(&db, &push, &ann, bob.user).await.expect("opened");
}

#[tokio::test]
async fn one_existing_other_person_is_asked_by_id_or_by_name() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let named = |name: &str| NewFriend { user_id: None, username: Some(name.into()) };
    assert_eq!(friends::send_request(&db, &push, &ann, &named("BOB")).await.expect("asked").0.user.id, bob.user);
    for (new, refused) in [
        (named("ann"), "self_friend"),
        (named("ANN"), "self_friend"),
        (NewFriend { user_id: Some(ann.user), username: None }, "self_friend"),
        (named("nobody"), "user_not_found"),
        (named(""), "user_not_found"),
        (named(&"🙂".repeat(2000)), "user_not_found"),
        (NewFriend { user_id: Some(UserId(4711)), username: None }, "user_not_found"),
        (NewFriend::default(), "invalid_input"),
        (NewFriend { user_id: Some(bob.user), username: Some("bob".into()) }, "invalid_input"),
    ] {
        assert_eq!(code(friends::send_request(&db, &push, &ann, &new).await), refused, "{new:?}");
    }
    for state in ["disabled_at", "deleted_at"] {
        let gone = person(&db, state).await;
        ask(&db, &push, &gone, &ann).await.expect("asked");
        befriend(&db, &push, &gone, &eve).await;
        run(&db, &format!("update users set {state} = 1 where id = {}", gone.user)).await;
        assert_eq!(code(ask(&db, &push, &bob, &gone).await), "user_not_found", "{state}");
        assert_eq!(code(friends::accept(&db, &push, &ann, gone.user).await), "request_not_found", "{state}");
        assert!(!open(&db, &ann, Direction::In).await.contains(&gone.user), "{state}");
        assert!(friends_of(&db, &push, &eve).await.is_empty(), "{state}");
    }
}

#[tokio::test]
async fn friends_and_open_requests_of_one_person_are_bounded() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let rows = |by: UserId, state: &str, count: i64| {
        let values: Vec<_> = (0..count).map(|n| format!("({by}, {0}, {by}, {0}, '{state}', 1)", 1_000_000 + n)).collect();
        let columns = "(user_low, user_high, requested_by, requested_of, state, requested_at)";
        format!("insert into friendships {columns} values {}", values.join(", "))
    };
    run(&db, &rows(ann.user, "pending", MAX_OPEN_REQUESTS)).await;
    assert_eq!(code(ask(&db, &push, &ann, &bob).await), "too_many_open_requests");
    ask(&db, &push, &bob, &ann).await.expect("others may ask her");
    run(&db, &format!("delete from friendships where requested_by = {}", ann.user)).await;
    run(&db, &rows(ann.user, "accepted", MAX_FRIENDS)).await;
    assert_eq!(code(friends::accept(&db, &push, &ann, bob.user).await), "too_many_friends");
    assert_eq!(code(ask(&db, &push, &ann, &bob).await), "too_many_friends");
    assert_eq!(open(&db, &bob, Direction::Out).await, [ann.user], "the request waits on");
}

#[tokio::test]
async fn lists_come_in_pages_without_holes_and_cost_two_statements() {
    let db = fixture::database().await;
    let push = Push::memory();
    let ann = person(&db, "ann").await;
    let (mut those, mut asking) = (Vec::new(), Vec::new());
    for number in 0..7_i64 {
        let friend = person(&db, &format!("friend{number}")).await;
        match number % 2 {
            0 => befriend(&db, &push, &ann, &friend).await,
            _ => befriend(&db, &push, &friend, &ann).await,
        }
        those.push(friend.user);
        let mut stranger = person(&db, &format!("stranger{number}")).await;
        // Two requests at the same time: the id orders them.
        stranger.now = Timestamp(1_000 + number / 2);
        ask(&db, &push, &stranger, &ann).await.expect("asked");
        asking.insert(0, stranger.user);
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let list = || friends::list(&db, &push, &ann, PageRequest { cursor: cursor.as_deref(), limit: Some(3) });
        list().await.expect("prepared");
        let (page, count) = statements(&db, list()).await;
        let page = page.expect("a page");
        assert_eq!(count, 2, "the friends, and who of them lets her know");
        seen.extend(page.items.iter().map(|friend| friend.user.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, those);
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = friends::requests(&db, &ann, Direction::In, PageRequest { cursor: cursor.as_deref(), limit: Some(3) })
            .await
            .expect("a page");
        seen.extend(page.items.iter().map(|request| request.user.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, asking, "newest first");
    for cursor in ["nonsense", "", "-1", "MS4"] {
        assert_eq!(
            code(friends::requests(&db, &ann, Direction::In, PageRequest { cursor: Some(cursor), limit: None }).await),
            "invalid_input",
            "{cursor}"
        );
    }
    assert_eq!(code(friends::list(&db, &push, &ann, PageRequest { cursor: Some("x"), limit: None }).await), "invalid_input");
}
