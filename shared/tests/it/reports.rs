//! Reports of messages.

use shared::caller::Caller;
use shared::domain::admin::{self, AdminCaller};
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::unsend;
use shared::domain::paging::PageRequest;
use shared::domain::reports;
use shared::domain::rooms;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::rooms::settings;
use shared::domain::sweep;
use shared::error::{Error, Result};
use shared::id::{ReportId, RoomRef, Seq};
use shared::protocol::admin::ReportState;
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::reports::{NewReport, Report};
use shared::protocol::rooms::{Role, RoomKind};
use shared::store::Db;

use crate::backend::Backend;
use crate::erasure::{register, room, said};
use crate::fixture::{self, limits, person};
use crate::group::Group;
use crate::permissions::media;
use crate::upload_steps;

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
        (register(&backend, "ann").await, register(&backend, "bob").await, register(&backend, "chief").await);
    backend.set("chief", "role = 'admin'").await;
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

async fn open_reports(group: &Group, who: &Caller) -> Vec<Report> {
    reports::list(&group.db, who, &group.room, PageRequest::default()).await.expect("a page").items
}

#[tokio::test]
async fn a_reported_moderator_does_not_review_the_report() {
    let backend = Backend::open().await;
    let ((_, ann), (_, bob), (_, cat), (_, operator)) = (
        register(&backend, "ann").await,
        register(&backend, "bob").await,
        register(&backend, "cat").await,
        register(&backend, "chief").await,
    );
    backend.set("chief", "role = 'admin'").await;
    let group = Group::of(backend.another().db, &ann, &[&bob, &cat]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let (rude, other) = (group.said(&ann, "rude").await.seq, group.said(&cat, "other").await.seq);
    for seq in [rude, other] {
        reports::report(db, &bob, room, seq, &because("x")).await.expect("reported");
    }
    let visible = open_reports(&group, &ann).await;
    assert_eq!(visible.iter().map(|report| report.seq).collect::<Vec<_>>(), [other]);
    let asking = AdminCaller { caller: operator.clone(), ip: String::new() };
    let all = admin::list_reports(db, &asking, ReportState::Open, PageRequest::default()).await.expect("a page").items;
    let about = all.iter().find(|open| open.report.seq == rude).expect("operators see it").report.id;
    // Unsending changes nothing: the evidence names the writer.
    unsend::unsend(db, push, &ann, room, rude).await.expect("unsent");
    assert_eq!(code(reports::find(db, &ann, about).await), "report_not_found");
    assert_eq!(code(reports::close(db, &ann, room, about).await), "report_not_found");
    assert_eq!(open_reports(&group, &ann).await.len(), 1);
    members::set_role(db, push, &ann, MemberRef { room, user: cat.user }, Role::Admin).await.expect("an admin");
    assert_eq!(open_reports(&group, &cat).await.iter().map(|report| report.seq).collect::<Vec<_>>(), [rude]);
    assert_eq!(code(reports::find(db, &cat, about).await), "ok", "another moderator reviews it");
    for _ in 0..2 {
        assert_eq!(code(reports::close(db, &cat, room, about).await), "ok");
    }
}

#[tokio::test]
async fn who_inherits_an_abandoned_room_does_not_inherit_its_reports() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let ((_, ann), (_, bob), (_, eve), (_, root)) = (
        register(&backend, "ann").await,
        register(&backend, "bob").await,
        register(&backend, "eve").await,
        register(&backend, "chief").await,
    );
    backend.set("chief", "role = 'admin'").await;
    let public = room(&backend, &ann, RoomKind::Public, &[&bob]).await;
    let seq = said(&backend, &bob, &public, "taken back").await.seq;
    reports::report(db, &ann, &public, seq, &because("Bad")).await.expect("reported");
    unsend::unsend(db, push, &bob, &public, seq).await.expect("unsent");
    for who in [&bob, &ann] {
        rooms::leave(db, push, who, &public, None).await.expect("left");
    }
    let heir = Caller { now: ann.now.plus_seconds(5), ..eve };
    let joined = rooms::join(db, push, &heir, &public).await.expect("joined");
    assert_eq!(joined.role, Some(Role::Owner));
    let shown = reports::list(db, &heir, &public, PageRequest::default()).await.expect("a page").items;
    assert!(shown.is_empty(), "{shown:?}");
    let asking = AdminCaller { caller: root.clone(), ip: String::new() };
    let all = admin::list_reports(db, &asking, ReportState::Open, PageRequest::default()).await.expect("a page").items;
    let id = all[0].report.id;
    assert_eq!(code(reports::find(db, &heir, id).await), "report_not_found");
    assert_eq!(code(reports::close(db, &heir, &public, id).await), "report_not_found");
    assert_eq!(code(reports::find(db, &root, id).await), "ok", "operators review it");
    // New reports are the heir's.
    let seq = said(&backend, &heir, &public, "mine").await.seq;
    let bob = Caller { now: heir.now.plus_seconds(1), ..bob };
    rooms::join(db, push, &bob, &public).await.expect("joined again");
    let new = said(&backend, &bob, &public, "bad again").await.seq;
    for (who, seq) in [(&bob, seq), (&heir, new)] {
        reports::report(db, who, &public, seq, &because("Bad")).await.expect("reported");
    }
    let shown = reports::list(db, &heir, &public, PageRequest::default()).await.expect("a page").items;
    assert_eq!(shown.iter().map(|report| report.seq).collect::<Vec<_>>(), [new]);
}

#[tokio::test]
async fn reports_keep_no_files_of_their_reporter_and_no_more_than_their_share() {
    let (backend, media) = (Backend::open().await, upload_steps::media());
    let Backend { db, push, .. } = &backend;
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let general = RoomRef::general();
    let files = async || -> i64 {
        let mut connection = db.acquire().await.expect("a connection");
        let count = sqlx::query_scalar("select count(*) from uploads where owner_id = 0 and state = 'ready'");
        count.fetch_one(&mut *connection).await.expect("a number")
    };
    let shown = async |who: &Caller| {
        let upload = upload_steps::ready(&backend, &media, who).await;
        let new = NewMessage { attachments: vec![upload], ..NewMessage::default() };
        upload_steps::say(db, who, new).await.seq
    };
    let own = shown(&ann).await;
    reports::report(db, &ann, &general, own, &because("Mine")).await.expect("reported");
    assert_eq!((kept(db).await, files().await), (1, 0), "the words are kept, the file is not");
    unsend::unsend(db, push, &ann, &general, own).await.expect("unsent");
    assert_eq!(upload_steps::swept(db, &media, &ann, 0).await, 1, "its bytes are gone");
    let (first, second) = (shown(&ann).await, shown(&ann).await);
    reports::report(db, &bob, &general, first, &because("Hers")).await.expect("reported");
    assert_eq!(files().await, 1);
    // What is kept for him takes all that may be kept for one person.
    let large = "update report_evidence set attachments = replace(attachments, '\"size\":18', '\"size\":1073741824') where attachments is not null";
    sqlx::query(large).execute(&mut *db.acquire().await.expect("a connection")).await.expect("larger");
    reports::report(db, &bob, &general, second, &because("Hers, too")).await.expect("reported");
    assert_eq!((kept(db).await, files().await), (3, 1));
    sqlx::query("update reports set closed_at = 1")
        .execute(&mut *db.acquire().await.expect("a connection"))
        .await
        .expect("closed");
    let third = shown(&ann).await;
    reports::report(db, &bob, &general, third, &because("Again")).await.expect("reported");
    assert_eq!(files().await, 2, "closed reports take nothing");
}
