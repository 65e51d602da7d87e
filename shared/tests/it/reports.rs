//! The rules of reports.

use shared::domain::{members, reports, unsending};
use shared::error::{Error, Result};
use shared::id::ReportId;
use shared::protocol::reports::NewReport;
use shared::protocol::rooms::Role;

use crate::fixture::{self, person};
use crate::room::Group;

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

fn because(reason: &str) -> NewReport {
    NewReport { reason: Some(reason.into()) }
}

#[tokio::test]
async fn a_message_is_reported_once_by_each_and_closed_by_an_admin() {
    let db = fixture::database().await;
    let (ann, bob, cat, eve) =
        (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob, &cat]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let spam = group.said(&bob, "Buy now").await.seq;
    for reason in ["Spam", "Spam again"] {
        reports::report(db, &cat, room, spam, &because(reason)).await.expect("reported");
    }
    reports::report(db, &ann, room, spam, &NewReport::default()).await.expect("reported");
    assert_eq!(code(reports::report(db, &eve, room, spam, &because("x")).await), "room_not_found");
    assert_eq!(code(reports::report(db, &cat, room, 99, &because("x")).await), "message_not_found");
    let long = reports::report(db, &cat, room, spam, &because(&"x".repeat(501))).await.err();
    assert!(matches!(&long, Some(Error::Invalid(wrong)) if wrong[0].field == "reason"), "{long:?}");
    assert_eq!(code(reports::list(db, &cat, room, (None, None)).await), "not_allowed");
    members::set_role(db, push, &ann, (room, cat.user), Role::Admin).await.expect("an admin");
    let open = reports::list(db, &cat, room, (None, Some(1))).await.expect("a page");
    let first = &open.items[0];
    assert_eq!((first.seq, first.reporter.as_deref(), first.reason.as_str()), (spam, Some("cat"), "Spam"));
    assert_eq!((first.sender.as_deref(), first.content.as_str()), (Some("bob"), "Buy now"));
    let next = reports::list(db, &cat, room, (open.next.as_deref(), Some(1))).await.expect("a page");
    assert_eq!((next.items.len(), next.items[0].reporter_id, next.next), (1, ann.user, None));
    for _ in 0..2 {
        reports::close(db, &cat, room, first.id).await.expect("closed");
    }
    assert_eq!(reports::list(db, &ann, room, (None, None)).await.expect("a page").items.len(), 1);
    assert_eq!(code(reports::close(db, &bob, room, first.id).await), "not_allowed");
    assert_eq!(code(reports::close(db, &ann, room, ReportId(4711)).await), "report_not_found");
    unsending::unsend(db, push, &ann, room, spam).await.expect("unsent");
    let open = reports::list(db, &ann, room, (None, None)).await.expect("a page");
    assert_eq!(open.items[0].content, "", "what is purged is purged here, too");
    assert_eq!(code(reports::report(db, &bob, room, spam, &because("x")).await), "message_unsent");
}
