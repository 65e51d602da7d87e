//! While a deployment is under way, the last release's code runs on the new schema: its statements must still be understood and answer with the same
//! columns, its inserts must not miss a column that they cannot know, and its reads must not meet a null where there was none.

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
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Column as _, Executor, SqlSafeStr, Statement as _, TypeInfo as _};

use crate::fixture::{self, limits, person};
use crate::group::Group;
use crate::releases::Release;

/// The last schema without views for former members.
const BEFORE_THE_PAST: i64 = 26;

/// A column of a table.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Column {
    table: String,
    name: String,
    nullable: bool,
    /// An insert must give it.
    demanded: bool,
}

#[tokio::test]
async fn the_last_releases_statements_answer_on_the_newest_schema_as_on_their_own() {
    let release = Release::newest();
    let statements: Vec<String> = release.json("statements.json");
    assert!(statements.len() > 200, "{}", statements.len());
    let before = Db::lazy(&release.database().await).expect("a URL");
    let after = fixture::database().await;
    let mut before = before.acquire().await.expect("a connection");
    let mut after = after.acquire().await.expect("a connection");
    for statement in statements {
        let known = answer(&mut before, &statement).await.expect("a statement of the release");
        assert_eq!(answer(&mut after, &statement).await.map_err(|error| error.to_string()), Ok(known), "{statement}");
    }
}

/// The columns that a statement answers with, and their types.
async fn answer(connection: &mut MySqlConnection, statement: &str) -> sqlx::Result<Vec<(String, String)>> {
    let prepared = connection.prepare(AssertSqlSafe(statement.to_owned()).into_sql_str()).await?;
    Ok(prepared.columns().iter().map(|column| (column.name().to_owned(), column.type_info().name().to_owned())).collect())
}

#[tokio::test]
async fn what_was_added_to_a_table_since_has_a_value_without_being_given_one_and_nothing_became_null() {
    let url = Release::newest().database().await;
    let before = columns(&url).await;
    migrations::up(&url).await.expect("and forward");
    let after = columns(&url).await;
    let tables: BTreeSet<&String> = before.iter().map(|column| &column.table).collect();
    let find = |column: &Column| before.iter().find(|known| known.table == column.table && known.name == column.name);
    let demanded: Vec<_> = after
        .iter()
        .filter(|column| column.demanded && tables.contains(&column.table) && find(column).is_none_or(|known| !known.demanded))
        .collect();
    assert!(demanded.is_empty(), "an insert of the last release fails for want of {demanded:?}");
    let nullable: Vec<_> =
        after.iter().filter(|column| column.nullable && find(column).is_some_and(|known| !known.nullable)).collect();
    assert!(nullable.is_empty(), "the last release does not expect null in {nullable:?}");
    assert!(after.iter().any(|column| column.demanded), "there are columns that must be given");
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

async fn columns(url: &Secret) -> BTreeSet<Column> {
    let db = Db::lazy(url).expect("a URL");
    let mut connection = db.acquire().await.expect("a connection");
    let rows: Vec<(String, String, bool, bool)> = sqlx::query_as(
        "select table_name, column_name, is_nullable = 'YES',
                is_nullable = 'NO' and column_default is null and extra not like '%auto_increment%' and extra not like '%GENERATED%'
         from information_schema.columns where table_schema = database()",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("a list");
    rows.into_iter().map(|row| Column { table: row.0, name: row.1, nullable: row.2, demanded: row.3 }).collect()
}
