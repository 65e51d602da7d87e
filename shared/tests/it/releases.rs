//! Fixtures of releases (`fixtures/releases`, written by `make release`): which there are, and that today's code reads the data of each of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::caller::Caller;
use shared::config::Secret;
use shared::domain::limits::throttle::Throttle;
use shared::domain::messages::{self, HistoryRange};
use shared::domain::messages::{pins, receipts};
use shared::domain::paging::PageRequest;
use shared::domain::people::{friends, profiles};
use shared::domain::rooms::members;
use shared::domain::{export, rooms, search, sync};
use shared::id::{Rev, RoomId, RoomRef, Seq, UserId};
use shared::protocol::friends::Direction;
use shared::protocol::messages::MessageKind;
use shared::protocol::rooms::Scope;
use shared::protocol::search::Search;
use shared::push::Push;
use shared::store::{Db, migrations};
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Executor, FromRow};

use crate::{backend, fixture};

/// The fixture of one release.
pub(crate) struct Release {
    pub(crate) version: String,
    folder: PathBuf,
}

#[derive(Deserialize)]
struct Facts {
    schema: i64,
}

impl Release {
    /// All releases with a fixture, oldest first.
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir(root().join("shared/tests/it/fixtures/releases")).expect("fixtures");
        let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
        let mut all: Vec<Self> = folders
            .map(|folder| Self { version: folder.file_name().expect("a name").to_string_lossy().into_owned(), folder })
            .collect();
        all.sort_by_key(|release| {
            release.version.split('.').map(|part| part.parse::<u32>().expect("a number")).collect::<Vec<_>>()
        });
        all
    }

    /// The release whose code runs while the next deployment is under way.
    pub(crate) fn newest() -> Self {
        Self::all().pop().expect("a release")
    }

    /// The version of its schema.
    pub(crate) fn schema(&self) -> i64 {
        self.json::<Facts>("release.json").schema
    }

    /// A file of the fixture.
    pub(crate) fn json<T: DeserializeOwned>(&self, file: &str) -> T {
        let text = fs::read_to_string(self.folder.join(file)).expect("a file of the fixture");
        serde_json::from_str(&text).expect("JSON as scripts/release_fixture.py writes it")
    }

    /// A database with the release's schema.
    pub(crate) async fn database(&self) -> Secret {
        let url = fixture::migrated().await;
        migrations::down(&url, self.schema()).await.expect("the schema of the release");
        url
    }

    /// The dumps of its data.
    fn dumps(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut dumps: Vec<_> = files.filter(|file| file.extension().is_some_and(|extension| extension == "sql")).collect();
        dumps.sort();
        dumps
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

#[test]
fn the_newest_fixture_is_of_the_version_that_the_workspace_and_the_changelog_name() {
    let newest = Release::newest().version;
    assert_eq!(newest, env!("CARGO_PKG_VERSION"), "`make release` sets the version and writes the fixture");
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).expect("a changelog");
    let headings: Vec<&str> = changelog.lines().filter_map(|line| line.strip_prefix("## [")).collect();
    assert!(headings.first().is_some_and(|first| first.starts_with("Unreleased]")), "{headings:?}");
    assert!(headings.get(1).is_some_and(|second| second.starts_with(&format!("{newest}] - "))), "{headings:?}");
    let package = fs::read_to_string(root().join("local/web/sdk/package.json")).expect("the SDK's package");
    let package: serde_json::Value = serde_json::from_str(&package).expect("JSON");
    assert_eq!(package["version"], *newest);
}

#[tokio::test]
async fn what_the_code_of_a_release_wrote_is_read_after_the_upgrade() {
    let throttle = Throttle::new(backend::ephemeral().await, fixture::limits());
    for release in Release::all() {
        let mut filled = BTreeSet::new();
        let mut messages = 0;
        let url = release.database().await;
        for dump in release.dumps() {
            load(&url, &fs::read_to_string(&dump).expect("a dump")).await;
            let db = Db::lazy(&url).expect("a URL");
            filled.extend(tables(&db).await);
            let before = users(&db).await;
            migrations::up(&url).await.expect("the upgrade");
            let db = Db::lazy(&url).expect("a URL");
            for user in before {
                messages += user.own.messages.len();
                user.reads_the_same(&db, &throttle).await;
            }
            migrations::down(&url, release.schema()).await.expect("back, for the next dump");
        }
        let all = all_tables(&Db::lazy(&url).expect("a URL")).await;
        let empty: Vec<_> = all.into_iter().filter(|table| !filled.contains(table)).collect();
        assert!(empty.is_empty(), "{}: no dump fills {empty:?}", release.version);
        assert!(messages > 20, "{}: {messages} messages", release.version);
    }
}

/// Puts a dump in place of what is there.
async fn load(url: &Secret, dump: &str) {
    let db = Db::lazy(url).expect("a URL");
    // A `Db` has one connection.
    let all = all_tables(&db).await;
    let mut connection = db.acquire().await.expect("a connection");
    for table in all {
        connection.execute(AssertSqlSafe(format!("delete from {table}"))).await.expect("emptied");
    }
    sqlx::raw_sql(AssertSqlSafe(dump.to_owned())).execute(&mut *connection).await.expect("loaded");
}

async fn all_tables(db: &Db) -> Vec<String> {
    sqlx::query_scalar(
        "select table_name from information_schema.tables where table_schema = database() and table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut *db.acquire().await.expect("a connection"))
    .await
    .expect("a list")
}

/// Tables that have rows.
async fn tables(db: &Db) -> Vec<String> {
    let mut filled = Vec::new();
    let all = all_tables(db).await;
    let mut connection = db.acquire().await.expect("a connection");
    for table in all {
        let query = AssertSqlSafe(format!("select exists(select 1 from {table})"));
        let found: bool = sqlx::query_scalar(query).fetch_one(&mut *connection).await.expect("an answer");
        if found {
            filled.push(table);
        }
    }
    filled
}

/// A user, and what the tables held of them before the upgrade.
struct Stored {
    caller: Caller,
    rooms: BTreeSet<u64>,
    own: Own,
}

/// What belongs to one user.
#[derive(Debug, Default, PartialEq, Eq)]
struct Own {
    /// Room, seq and text.
    messages: BTreeSet<(u64, u64, String)>,
    reactions: usize,
    blocks: usize,
    friendships: usize,
}

/// Every user who may sign in.
async fn users(db: &Db) -> Vec<Stored> {
    let live = "select id, username from users where deleted_at is null and disabled_at is null";
    let found: Vec<(u64, String)> = rows(db, live).await;
    // Since 0.2.0, a closed direct room is not listed until its next message.
    let closing = "select 1 from information_schema.columns
                   where table_schema = database() and table_name = 'members' and column_name = 'closed_seq'";
    let can_close = !rows::<(i64,)>(db, closing).await.is_empty();
    let is_open = if can_close { "(m.closed_seq is null or m.closed_seq < r.last_seq)" } else { "true" };
    let mut users = Vec::new();
    for (id, name) in found {
        let of = |text: &str| text.replace('?', &id.to_string());
        let messages = of("select room_id, seq, content from messages
                           where sender_id = ? and room_id in (select room_id from members where user_id = ?)");
        let rooms = of("select m.room_id from members m join rooms r on r.id = m.room_id
                        where m.user_id = ? and m.state = 'joined' and r.deleted_at is null and ")
            + is_open;
        let room_ids: Vec<(u64,)> = rows(db, &rooms).await;
        let count = async |text: &str| rows::<(u64,)>(db, &of(text)).await.len();
        let own = Own {
            messages: rows(db, &messages).await.into_iter().collect(),
            reactions: count("select seq from reactions where user_id = ?").await,
            blocks: count("select blocked_id from blocks where user_id = ?").await,
            friendships: count("select user_low from friendships where requested_by = ? or requested_of = ?").await,
        };
        users.push(Stored {
            caller: fixture::caller(UserId(id), &name),
            rooms: room_ids.into_iter().map(|row| row.0).collect(),
            own,
        });
    }
    users
}

async fn rows<T>(db: &Db, text: &str) -> Vec<T>
where
    T: for<'r> FromRow<'r, MySqlRow> + Send + Unpin,
{
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query_as(AssertSqlSafe(text.to_owned())).fetch_all(&mut *connection).await.expect("rows")
}

impl Stored {
    /// Reads everything of the user with today's code.
    async fn reads_the_same(&self, db: &Db, throttle: &Throttle) {
        let (caller, push) = (&self.caller, Push::memory());
        profiles::me(db, caller).await.expect("a profile");
        assert_eq!(exported(db, caller).await, self.own, "{}", caller.username);
        friends::list(db, &push, caller, PageRequest::default()).await.expect("friends");
        for direction in [Direction::In, Direction::Out] {
            friends::requests(db, caller, direction, PageRequest::default()).await.expect("requests");
        }
        receipts::unread(db, caller).await.expect("what is unread");
        sync::rooms(db, caller, PageRequest::default()).await.expect("rooms to synchronise");
        let listed = rooms::list(db, caller, Scope::Joined, PageRequest { limit: Some(100), ..PageRequest::default() })
            .await
            .expect("rooms")
            .items;
        let listed: BTreeSet<u64> = listed.iter().map(|room| room.id.0).collect();
        assert_eq!(listed, self.rooms, "{}", caller.username);
        for room in &self.rooms {
            let word = self.read_room(db, &RoomRef::Id(RoomId(*room))).await;
            if word.is_some() {
                let found = search::search(db, throttle, caller, &Search { q: word.clone(), ..Search::default() }).await;
                assert!(!found.expect("a search").items.is_empty(), "{}: {word:?}", caller.username);
            }
        }
    }

    /// Gives a word that was said there.
    async fn read_room(&self, db: &Db, room: &RoomRef) -> Option<String> {
        let found = rooms::find(db, &self.caller, room).await.expect("a room");
        members::list(db, &self.caller, room, PageRequest::default()).await.expect("members");
        pins::list(db, &self.caller, room).await.expect("pins");
        sync::room(db, &self.caller, room, Rev(0), None).await.expect("changes");
        let (mut after, mut word) = (Seq(0), None);
        while after < found.last_seq {
            let page = messages::history(db, &self.caller, room, HistoryRange::After(after), Some(100)).await.expect("history");
            for message in page.items {
                let own = self.own.messages.iter().find(|own| own.0 == found.id.0 && own.1 == message.seq.0);
                assert!(own.is_none_or(|own| own.2 == message.content), "{own:?}, but history shows {message:?}");
                if word.is_none() && message.kind == MessageKind::Text {
                    word = message
                        .content
                        .split_whitespace()
                        .find(|word| word.len() > 3 && word.bytes().all(|b| b.is_ascii_alphabetic()))
                        .map(str::to_owned);
                }
            }
            after = Seq(after.0 + 100);
        }
        word
    }
}

/// The same from the export, which reads everything of a user.
async fn exported(db: &Db, caller: &Caller) -> Own {
    let mut own = Own::default();
    let mut cursor = None;
    loop {
        let part = export::export(db, caller, cursor.as_deref()).await.expect("a part");
        own.messages.extend(part.messages.into_iter().map(|message| (message.room_id.0, message.seq.0, message.content)));
        own.reactions += part.reactions.len();
        own.blocks += part.blocks.len();
        own.friendships += part.friends.len();
        cursor = part.next;
        if cursor.is_none() {
            return own;
        }
    }
}
