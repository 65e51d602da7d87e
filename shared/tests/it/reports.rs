//! Reports of messages.

use shared::caller::Caller;
use shared::domain::admin::{self, AdminCaller};
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::unsend;
use shared::domain::paging::PageRequest;
use shared::domain::reports;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::rooms::settings;
use shared::domain::sweep;
use shared::error::{Error, Result};
use shared::id::{ReportId, Seq};
use shared::protocol::admin::ReportState;
use shared::protocol::messages::NewContent;
use shared::protocol::reports::NewReport;
use shared::protocol::rooms::{Role, RoomKind};
use shared::store::Db;

use crate::backend::Backend;
use crate::erasure::{register, room, said};
use crate::fixture::{self, limits, person};
use crate::group::Group;
use crate::permissions::media;

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
    assert_eq!(code(reports::report(db, &cat, room, Seq(99), &because("x")).await), "message_not_found");
    let long = reports::report(db, &cat, room, spam, &because(&"x".repeat(501))).await.err();
    assert!(matches!(&long, Some(Error::Invalid(wrong)) if wrong[0].field == "reason"), "{long:?}");
    assert_eq!(code(reports::list(db, &cat, room, PageRequest::default()).await), "not_allowed");
    members::set_role(db, push, &ann, MemberRef { room, user: cat.user }, Role::Admin).await.expect("an admin");
    let open = reports::list(db, &cat, room, PageRequest { cursor: None, limit: Some(1) }).await.expect("a page");
    let first = &open.items[0];
    assert_eq!((first.seq, first.reporter.as_deref(), first.reason.as_str()), (spam, Some("cat"), "Spam"));
    assert_eq!((first.sender.as_deref(), first.content.as_str()), (Some("bob"), "Buy now"));
    let next = reports::list(db, &cat, room, PageRequest { cursor: open.next.as_deref(), limit: Some(1) }).await.expect("a page");
    assert_eq!((next.items.len(), next.items[0].reporter_id, next.next), (1, ann.user, None));
    for _ in 0..2 {
        reports::close(db, &cat, room, first.id).await.expect("closed");
    }
    assert_eq!(reports::list(db, &ann, room, PageRequest::default()).await.expect("a page").items.len(), 1);
    assert_eq!(code(reports::close(db, &bob, room, first.id).await), "not_allowed");
    assert_eq!(code(reports::close(db, &ann, room, ReportId(4711)).await), "report_not_found");
    unsend::unsend(db, push, &ann, room, spam).await.expect("unsent");
    assert_eq!(code(reports::report(db, &bob, room, spam, &because("x")).await), "message_unsent");
}

async fn edited(group: &Group, who: &Caller, seq: Seq, content: &str) {
    let new = NewContent { content: content.into() };
    let editing = EditRequest { room: &group.room, seq, new: &new };
    edits::edit(&group.db, &group.push, &limits(), who, editing).await.expect("edited");
}

#[tokio::test]
async fn what_was_reported_is_kept_whatever_its_writer_does_until_the_report_is_closed() {
    let db = fixture::database().await;
    let (ann, bob, cat, dan) =
        (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await, person(&db, "dan").await);
    let group = Group::of(db, &ann, &[&bob, &cat, &dan]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let seq = group.said(&bob, "first words").await.seq;
    edited(&group, &bob, seq, "bad words").await;
    reports::report(db, &cat, room, seq, &because("Bad")).await.expect("reported");
    edited(&group, &bob, seq, "harmless words").await;
    reports::report(db, &dan, room, seq, &because("Not so good")).await.expect("reported");
    edited(&group, &bob, seq, "no words").await;
    // Each report shows the message as its reporter saw it.
    let open = reports::list(db, &ann, room, PageRequest::default()).await.expect("a page").items;
    let seen: Vec<_> = open.iter().map(|report| (report.content.as_str(), report.kept, report.deleted_at)).collect();
    assert_eq!(seen, [("bad words", true, None), ("harmless words", true, None)]);
    unsend::unsend(db, push, &bob, room, seq).await.expect("unsent");
    let open = reports::list(db, &ann, room, PageRequest::default()).await.expect("a page").items;
    assert_eq!((open[0].content.as_str(), open[0].deleted_at.is_some()), ("bad words", true));
    let texts = async |report| {
        let found = reports::find(db, &ann, report).await.expect("open");
        found.edits.into_iter().map(|edit| (edit.version, edit.content)).collect::<Vec<_>>()
    };
    assert_eq!(texts(open[0].id).await, [(1, "first words".into())]);
    assert_eq!(texts(open[1].id).await, [(1, "first words".into()), (2, "bad words".to_owned())]);
    for who in [&bob, &cat] {
        assert_eq!(code(reports::find(db, who, open[0].id).await), "report_not_found", "not even its reporter's");
    }
    assert_eq!(code(reports::find(db, &ann, ReportId(4711)).await), "report_not_found");
    // Once closed, no route shows it, and the next sweep deletes its evidence.
    reports::close(db, &ann, room, open[0].id).await.expect("closed");
    assert_eq!(code(reports::find(db, &ann, open[0].id).await), "report_not_found");
    let left: Vec<_> = reports::list(db, &ann, room, PageRequest::default()).await.expect("a page").items;
    assert_eq!((left.len(), left[0].id), (1, open[1].id));
    assert_eq!(kept(db).await, 2);
    sweep::sweep(db, &media(), ann.now, || true).await.expect("swept");
    assert_eq!(kept(db).await, 1);
    assert_eq!(texts(open[1].id).await.len(), 2, "the other one is open still");
}

#[tokio::test]
async fn operators_see_what_was_reported_in_a_room_that_is_gone() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let ((_, ann), (_, bob), (_, root)) =
        (register(&backend, "ann").await, register(&backend, "bob").await, register(&backend, "root").await);
    backend.set("root", "role = 'admin'").await;
    let gone = room(&backend, &ann, RoomKind::Group, &[&bob]).await;
    let seq = said(&backend, &bob, &gone, "bad words").await.seq;
    reports::report(db, &ann, &gone, seq, &because("Bad")).await.expect("reported");
    settings::delete(db, push, &ann, &gone).await.expect("deleted");
    let asking = AdminCaller { caller: root.clone(), ip: String::new() };
    let open = admin::list_reports(db, &asking, ReportState::Open, PageRequest::default()).await.expect("a page").items;
    assert_eq!((open[0].report.content.as_str(), open[0].report.kept), ("bad words", true));
    let id = open[0].report.id;
    assert_eq!(reports::find(db, &root, id).await.expect("open").report, open[0].report);
    assert_eq!(code(reports::find(db, &ann, id).await), "report_not_found", "she moderates nothing any more");
    admin::close_report(db, &asking, id).await.expect("closed");
    let closed = admin::list_reports(db, &asking, ReportState::Closed, PageRequest::default()).await.expect("a page").items;
    assert_eq!((closed[0].report.kept, closed[0].report.attachments.len()), (false, 0));
    assert_eq!(code(reports::find(db, &root, id).await), "report_not_found");
}

async fn kept(db: &Db) -> i64 {
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query_scalar("select count(*) from report_evidence").fetch_one(&mut *connection).await.expect("a number")
}
