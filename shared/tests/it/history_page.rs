//! A page of history as a request reads it: the session and the access to the room are checked by one statement.

use shared::domain::auth::sessions::{self, PresentedAccess, SessionOwner};
use shared::domain::limits::work_costs;
use shared::domain::messages::{self, HistoryRange};
use shared::domain::rooms;
use shared::error::Error;
use shared::id::{RoomRef, Seq};
use shared::protocol::accounts::Authenticated;
use shared::protocol::rooms::{NewRoom, RoomKind};

use crate::backend::{Backend, NOW};
use crate::fixture::statements;

#[tokio::test]
async fn a_page_of_history_costs_two_statements_with_its_session() {
    let backend = Backend::open().await;
    let (made, eve) = (backend.register("ann").await, backend.register("eve").await);
    let ann = backend.caller(&made).await.expect("signed in");
    let general = RoomRef::general();
    rooms::join(&backend.db, &backend.push, &ann, &general).await.expect("joined");
    let group = NewRoom { name: "Hers".into(), ..NewRoom::default() };
    let hers = rooms::create(&backend.db, &backend.push, &ann, RoomKind::Group, &group).await.expect("made").id;
    let page = async |who: &Authenticated, room: &RoomRef| {
        let access = PresentedAccess { keys: &backend.issuer.keys, token: &who.tokens.access_token, now: NOW };
        let price = work_costs::of_route("GET", "/api/rooms/{room_id}/messages", Some(50));
        let reader = sessions::authenticate_in_room(&backend.db, &backend.throttle, access, price, room).await?;
        messages::history_in(&backend.db, reader, HistoryRange::Newest, Some(50)).await
    };
    assert_eq!(page(&made, &general).await.expect("prepared").items.len(), 1);
    let (read, count) = statements(&backend.db, page(&made, &general)).await;
    assert_eq!((read.expect("a page").last_seq, count), (Seq(1), 2), "session and access, and the messages");
    page(&made, &RoomRef::Id(hers)).await.expect("her room");
    for room in [RoomRef::Id(hers), RoomRef::Id(4711.into())] {
        assert!(matches!(page(&eve, &room).await, Err(Error::NotFound("room_not_found"))), "{room:?}");
    }
    // An ended session is said to have ended, whatever the room.
    let leaver = SessionOwner::SignedIn(ann);
    sessions::logout(&backend.db, &backend.push, &leaver).await.expect("logged out");
    for room in [general, RoomRef::Id(hers), RoomRef::Id(4711.into())] {
        assert!(matches!(page(&made, &room).await, Err(Error::Unauthenticated("session_ended"))), "{room:?}");
    }
}
