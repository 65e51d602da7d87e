//! During an upgrade, the previous release runs on the new schema: its statements (`fixtures/released.json`, from its `.sqlx`) must still prepare,
//! and its inserts must not lack a required column.

use std::collections::BTreeSet;

use shared::caller::Caller;
use shared::config::Secret;
use shared::domain::messages;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::rooms;
use shared::domain::rooms::members;
use shared::domain::rooms::settings;
use shared::protocol::messages::NewContent;
use shared::protocol::rooms::{ChangeRoom, ChangeSettings};
use shared::store::{Db, migrations};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use crate::fixture::{self, limits, person};
use crate::group::Group;

/// Schema of the previous release.
const RELEASED: i64 = 5;
/// The last schema without views for former members.
const BEFORE_THE_PAST: i64 = 26;

type Columns = BTreeSet<(String, String)>;

#[tokio::test]
async fn the_previous_releases_statements_are_understood_by_the_newest_schema() {
    let statements: Vec<String> = serde_json::from_str(include_str!("fixtures/released.json")).expect("a list of statements");
    assert!(statements.len() > 50, "{}", statements.len());
    let db = fixture::database().await;
    let mut connection = db.acquire().await.expect("a connection");
    for statement in statements {
        let prepared = connection.prepare(AssertSqlSafe(statement.clone()).into_sql_str()).await;
        assert!(prepared.is_ok(), "{statement}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn what_was_added_to_a_table_since_has_a_value_without_being_given_one() {
    let url = fixture::migrated().await;
    migrations::down(&url, RELEASED).await.expect("back to the previous release");
    let (before, _) = columns(&url).await;
    migrations::up(&url).await.expect("and forward");
    let (_, demanded) = columns(&url).await;
    let tables: BTreeSet<&String> = before.iter().map(|(table, _)| table).collect();
    let new: Vec<_> = demanded.iter().filter(|column| tables.contains(&column.0) && !before.contains(*column)).collect();
    assert!(new.is_empty(), "an insert of the previous release fails for want of {new:?}");
    assert!(!demanded.is_empty(), "there are columns that must be given");
}

#[tokio::test]
async fn former_members_read_on_after_the_upgrade_as_far_as_the_time_is_known() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let rules = ChangeSettings { past_members_read: Some(true), ..ChangeSettings::default() };
    settings::update(db, push, &ann, room, &ChangeRoom { settings: rules, ..ChangeRoom::default() }).await.expect("changed");
    let seq = group.said(&ann, "first").await.seq;
    let at = |seconds| Caller { now: ann.now.plus_seconds(seconds), ..ann.clone() };
    let edit = async |who: &Caller, content: &str| {
        let new = NewContent { content: content.into() };
        edits::edit(db, push, &limits(), who, EditRequest { room, seq, new: &new }).await.expect("edited");
    };
    edit(&at(10), "second").await;
    members::remove(db, push, &at(20), room, bob.user).await.expect("removed");
    // A user who never was in the room.
    members::ban(db, push, &at(20), room, eve.user).await.expect("banned");
    members::unban(db, &at(20), room, eve.user).await.expect("forgiven");
    edit(&at(30), "third").await;
    // The data as the previous release left it.
    migrations::down(&url, BEFORE_THE_PAST).await.expect("back");
    migrations::up(&url).await.expect("and forward");
    let db = Db::lazy(&url).expect("a URL");
    let seen = messages::find(&db, &bob, room, seq).await.expect("his past");
    assert_eq!((seen.content.as_str(), seen.edited_at), ("second", Some(at(10).now)));
    assert_eq!(rooms::find(&db, &bob, room).await.expect("his past").name, "Group");
    assert!(rooms::find(&db, &eve, room).await.is_err());
}

/// Returns all columns, and those that an insert requires.
async fn columns(url: &Secret) -> (Columns, Columns) {
    let db = Db::lazy(url).expect("a URL");
    let mut connection = db.acquire().await.expect("a connection");
    let rows: Vec<(String, String, bool)> = sqlx::query_as(
        "select table_name, column_name,
                is_nullable = 'NO' and column_default is null and extra not like '%auto_increment%' and extra not like '%GENERATED%'
         from information_schema.columns where table_schema = database()",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("a list");
    let all = rows.iter().map(|(table, column, _)| (table.clone(), column.clone())).collect();
    (all, rows.into_iter().filter(|row| row.2).map(|(table, column, _)| (table, column)).collect())
}
