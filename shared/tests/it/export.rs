//! Data export: complete, in pages, and without data of others.

use shared::domain::export;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::paging::PageRequest;
use shared::domain::people::blocks;
use shared::domain::rooms;
use shared::error::Error;
use shared::id::Seq;
use shared::protocol::messages::NewContent;
use shared::protocol::rooms::{RoomKind, Scope};

use crate::backend::Backend;
use crate::erasure::{register, room, said};
use crate::fixture::limits;

#[tokio::test]
async fn an_export_is_complete_and_has_nothing_of_others() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let ((_, ann), (_, bob)) = (register(&backend, "ann").await, register(&backend, "bob").await);
    let group = room(&backend, &ann, RoomKind::Group, &[&bob]).await;
    let first = said(&backend, &ann, &group, "first").await;
    said(&backend, &bob, &group, "not hers").await;
    let new = NewContent { content: "second".into() };
    edits::edit(db, push, &limits(), &ann, EditRequest { room: &group, seq: first.seq, new: &new }).await.expect("edited");
    receipts::raise_marker(db, push, &ann, &group, ReadMarker::Read(Seq(2))).await.expect("read");
    blocks::add(db, push, &ann, bob.user).await.expect("blocked");
    let part = export::export(db, &ann, None).await.expect("exported");
    assert_eq!(part.next, None, "most people have one part");
    let account = part.account.as_ref().expect("oneself");
    assert_eq!((account.email.as_deref(), part.sessions[0].device.as_str()), (Some("ann@example.com"), "ann's phone"));
    let texts: Vec<_> = part.messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!((texts, part.edits[0].content.as_str()), (vec!["second"], "first"));
    assert_eq!((part.rooms.len(), part.blocks.len(), part.receipts.len()), (1, 1, 1));
    assert!(!serde_json::to_string(&part).expect("JSON").contains("not hers"));
    assert!(matches!(export::export(db, &ann, Some("nonsense")).await, Err(Error::Invalid(_))));
    // Large data spans several pages, with each message once.
    let long = "ü".repeat(30_000);
    let rows = format!(
        "insert into messages (room_id, seq, sender_id, content, created_at, rev) select room_id, 100 + s.seq, {}, ?, 0, 0 from members, {} s where user_id = {}",
        ann.user,
        crate::fixture::numbers(120),
        ann.user
    );
    sqlx::query(sqlx::AssertSqlSafe(rows))
        .bind(&long)
        .execute(&mut **db.acquire().await.as_mut().expect("a connection"))
        .await
        .expect("said");
    let (mut seqs, mut cursor, mut parts) = (Vec::new(), None, 0);
    loop {
        let part = export::export(db, &ann, cursor.as_deref()).await.expect("a part");
        assert!(serde_json::to_vec(&part).expect("JSON").len() < 5_000_000);
        seqs.extend(part.messages.iter().map(|message| message.seq.0));
        parts += 1;
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((parts, seqs), (2, std::iter::once(1).chain(101..=220).collect::<Vec<_>>()));
    assert_eq!(rooms::list(db, &ann, Scope::Joined, PageRequest::default()).await.expect("rooms").items.len(), 1);
}
