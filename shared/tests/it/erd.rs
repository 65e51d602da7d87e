//! Draws `docs/erd.md` from a migrated database (`make docs`), and compares it otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use sqlx::{ConnectOptions, Connection};

use crate::fixture;

/// References by column name. The schema has no foreign keys: they would lock parent rows while messages are written, and TiDB and PlanetScale
/// restrict them. The domain maintains these relations, and tests verify it.
const REFERS: &[(&str, &str)] = &[
    ("user_id", "users"),
    ("actor_id", "users"),
    ("blocked_id", "users"),
    ("closed_by", "users"),
    ("created_by", "users"),
    ("deleted_by", "users"),
    ("invited_by", "users"),
    ("owner_id", "users"),
    ("pinned_by", "users"),
    ("reporter_id", "users"),
    ("requested_by", "users"),
    ("requested_of", "users"),
    ("sender_id", "users"),
    ("user_high", "users"),
    ("user_low", "users"),
    ("session_id", "sessions"),
    ("room_id", "rooms"),
    ("forwarded_room_id", "rooms"),
    ("report_id", "reports"),
    ("avatar_upload", "uploads"),
    ("object_id", "uploads"),
    ("poster_id", "uploads"),
];
/// Columns that only look like references.
const NO_REFERENCE: &[&str] = &["added_by", "client_id", "words_of"];
/// Tables whose `(room_id, seq)` is a message.
const AT_A_MESSAGE: &[&str] =
    &["forwards", "hidden_messages", "mentions", "message_edits", "pins", "reactions", "reports", "uploads"];
/// Former names of tables.
const CALLED: &[(&str, &str)] = &[
    ("users", "Users"),
    ("rooms", "Conversations"),
    ("members", "Participants, and Message Status up to where each has read and received"),
    ("messages", "Messages"),
    ("receipts", "Message Status: when each has read what"),
];

struct Column {
    table: String,
    name: String,
    kind: String,
    nullable: bool,
    key: &'static str,
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the environment selects whether to write")]
async fn the_drawn_schema_is_the_migrated_one() {
    let columns = columns().await;
    let drawn = draw(&columns);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/erd.md");
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&path, &drawn).expect("docs can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(drawn.lines()).find(|(old, new)| old != new);
    assert!(committed == drawn, "docs/erd.md is stale: run `make docs`. First difference: {differs:?}");
}

#[tokio::test]
async fn every_column_that_refers_to_something_says_to_what() {
    let columns = columns().await;
    let names: BTreeSet<_> = columns.iter().map(|column| column.name.as_str()).collect();
    for name in &names {
        let seems = ["_id", "_by", "_of", "_low", "_high"].iter().any(|end| name.ends_with(end));
        let known = REFERS.iter().any(|(known, _)| known == name) || NO_REFERENCE.contains(name);
        assert!(!seems || known, "add {name} to REFERS or to NO_REFERENCE");
    }
    let tables: BTreeSet<_> = columns.iter().map(|column| column.table.as_str()).collect();
    for (name, table) in REFERS {
        assert!(names.contains(name) && tables.contains(table), "{name} or {table} is not there");
    }
    for table in AT_A_MESSAGE.iter().chain(CALLED.iter().map(|(table, _)| table)) {
        assert!(tables.contains(table), "{table} is not there");
    }
}

/// Returns the columns of all tables in order.
async fn columns() -> Vec<Column> {
    let url = fixture::migrated().await;
    let options: sqlx::mysql::MySqlConnectOptions = url.expose().parse().expect("the URL is well formed");
    let mut connection = options.connect().await.expect("the server answers");
    let rows: Vec<(String, String, String, String, String)> = sqlx::query_as(
        "select table_name, column_name, cast(data_type as char), is_nullable, cast(column_key as char)
         from information_schema.columns
         where table_schema = database() and table_name not like '\\_sqlx%'
         order by table_name, ordinal_position",
    )
    .fetch_all(&mut connection)
    .await
    .expect("columns");
    connection.close().await.expect("closes");
    let column = |(table, name, kind, nullable, key): (String, String, String, String, String)| Column {
        key: match key.as_str() {
            "PRI" => "PK",
            "UNI" => "UK",
            _ => "",
        },
        nullable: nullable == "YES",
        table,
        name,
        kind,
    };
    rows.into_iter().map(column).collect()
}

fn draw(columns: &[Column]) -> String {
    let mut tables: BTreeMap<&str, Vec<&Column>> = BTreeMap::new();
    for column in columns {
        tables.entry(&column.table).or_default().push(column);
    }
    let mut text = String::from(
        "# The schema\n\n\
         `make docs` draws this page from a migrated database; `make test` compares it. The files in `shared/migrations/` explain each column.\n\
         Relations follow column names: the database has no foreign keys, which would lock rows of people and rooms while messages are written.\n\
         [decisions.md](decisions.md) says what was decided, and why.\n\n",
    );
    text.push_str("| table | in the older backend with five entities |\n|---|---|\n");
    for (table, called) in CALLED {
        let _ = writeln!(text, "| `{table}` | {called} |");
    }
    text.push_str("\n```mermaid\nerDiagram\n");
    for relation in relations(columns) {
        let _ = writeln!(text, "    {relation}");
    }
    for (table, columns) in &tables {
        let _ = writeln!(text, "    {table} {{");
        for Column { name, kind, nullable, key, .. } in columns {
            let refers = REFERS.iter().any(|(known, _)| known == name);
            let keys: Vec<_> = [*key, if refers { "FK" } else { "" }].into_iter().filter(|key| !key.is_empty()).collect();
            let keys = if keys.is_empty() { String::new() } else { format!(" {}", keys.join(", ")) };
            let null = if *nullable { " \"may be null\"" } else { "" };
            let _ = writeln!(text, "        {kind} {name}{keys}{null}");
        }
        text.push_str("    }\n");
    }
    text.push_str("```\n");
    text
}

/// Returns each relation once.
fn relations(columns: &[Column]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for Column { table, name, nullable, .. } in columns {
        let one = if *nullable { "|o" } else { "||" };
        if let Some((_, to)) = REFERS.iter().find(|(known, _)| known == name) {
            all.insert(format!("{to} {one}--o{{ {table} : {name}"));
        }
        if name == "seq" && AT_A_MESSAGE.contains(&table.as_str()) {
            all.insert(format!("messages {one}--o{{ {table} : \"room_id, seq\""));
        }
    }
    all
}
