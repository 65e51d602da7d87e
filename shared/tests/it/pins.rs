//! Pins: permissions and limit.

use shared::caller::Caller;
use shared::domain::messages::pins;
use shared::domain::messages::unsend;
use shared::error::Error;
use shared::id::Seq;
use shared::protocol::frames::Frame;

use crate::fixture::{self, person};
use crate::group::Group;

#[tokio::test]
async fn admins_pin_and_everyone_sees_it() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room, .. } = &group;
    let (one, two) = (group.said(&ann, "one").await, group.said(&bob, "two").await);
    let pinned = pins::pin(db, push, &ann, room, one.seq).await.expect("pinned");
    assert_eq!((pinned.pinned_at, pinned.rev), (Some(ann.now), two.rev.next()));
    let frames = group.frames().await;
    assert_eq!(frames.len(), 2, "one frame each");
    assert!(
        matches!(&frames[0].1, Frame::MessagePinned { seq, rev, pinned_at: Some(_), .. } if (*seq, *rev) == (one.seq, pinned.rev))
    );
    assert_eq!(pins::pin(db, push, &ann, room, one.seq).await.expect("as it is"), pinned);
    assert!(group.frames().await.is_empty(), "pinning twice changes nothing");
    let later = Caller { now: ann.now.plus_seconds(1), ..ann.clone() };
    pins::pin(db, push, &later, room, two.seq).await.expect("pinned");
    let seqs = async |who| pins::list(db, who, room).await.expect("pins").items.iter().map(|one| one.seq).collect::<Vec<_>>();
    assert_eq!(seqs(&bob).await, [two.seq, one.seq], "last pinned first");
    assert_eq!(group.shown(&bob, one.seq).await.pinned_at, Some(ann.now));
    unsend::hide(db, push, &bob, room, two.seq).await.expect("hidden");
    assert_eq!((seqs(&bob).await, seqs(&ann).await.len()), (vec![one.seq], 2), "what is hidden stays hidden");
    assert_eq!(pins::unpin(db, push, &ann, room, one.seq).await.expect("unpinned").pinned_at, None);
    assert_eq!(seqs(&ann).await, [two.seq]);
}

#[tokio::test]
async fn members_strangers_and_traces_are_refused() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room, .. } = &group;
    let (stands, gone) = (group.said(&bob, "one").await.seq, group.said(&ann, "two").await.seq);
    unsend::unsend(db, push, &ann, room, gone).await.expect("unsent");
    for (who, seq, code) in [
        (&bob, stands, "not_allowed"),
        (&ann, gone, "message_unsent"),
        (&ann, Seq(99), "message_not_found"),
        (&eve, stands, "room_not_found"),
    ] {
        assert_eq!(pins::pin(db, push, who, room, seq).await.err().as_ref().map(Error::code), Some(code), "{seq}");
    }
    let refused = pins::unpin(db, push, &bob, room, stands).await.err();
    assert!(matches!(refused, Some(Error::Forbidden("not_allowed"))), "{refused:?}");
}

#[tokio::test]
async fn fifty_pins_are_enough() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let group = Group::of(db, &ann, &[]).await;
    for _ in 0..51 {
        group.said(&ann, "x").await;
    }
    for seq in (1..=50).map(Seq) {
        pins::pin(&group.db, &group.push, &ann, &group.room, seq).await.expect("pinned");
    }
    let refused = pins::pin(&group.db, &group.push, &ann, &group.room, Seq(51)).await.err();
    assert!(matches!(refused, Some(Error::Conflict("too_many_pins"))), "{refused:?}");
    assert_eq!(pins::list(&group.db, &ann, &group.room).await.expect("pins").items.len(), 50);
}
