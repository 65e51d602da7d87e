//! Query plans: each hot query uses its index, on tables large enough to offer the server a choice.

use shared::caller::Caller;
use shared::config::Limits;
use shared::domain::limits::throttle::Throttle;
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::{self, HistoryRange};
use shared::domain::paging::PageRequest;
use shared::domain::people::friends;
use shared::domain::people::name_words;
use shared::domain::people::presence;
use shared::domain::people::profiles;
use shared::domain::rooms;
use shared::domain::search;
use shared::domain::sync;
use shared::domain::sync::catch_up;
use shared::error::Limit;
use shared::id::{Rev, RoomId, RoomRef, Seq, UserId};
use shared::protocol::frames::Changed;
use shared::protocol::friends::Direction;
use shared::protocol::rooms::{NewRoom, RoomKind, Scope};
use shared::protocol::search::Search;
use shared::push::Push;
use shared::store::Db;
use shared::store::recipients::{self, IndexUse};
use shared::time::Timestamp;
use sqlx::{Connection as _, Executor, Row};
use tokio::sync::Mutex;

use crate::backend::{self, Backend};
use crate::fixture::{self, numbers, person};

/// A statement and its plan.
#[derive(Debug)]
struct Plan {
    statement: String,
    steps: Vec<Step>,
}

/// A line of a plan.
#[derive(Debug)]
struct Step {
    table: String,
    index: Option<String>,
}

async fn run(db: &Db, sql: String) {
    let mut connection = db.acquire().await.expect("a connection");
    connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("runs");
}

fn id_of(room: &RoomRef) -> RoomId {
    match room {
        RoomRef::Id(id) => *id,
        RoomRef::Slug(_) => panic!("it has no slug"),
    }
}

/// Many users, their rooms, and history in the first room.
async fn populated() -> (Db, Caller, RoomRef) {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let new = NewRoom { name: "Room".into(), ..NewRoom::default() };
    let room = rooms::create(&db, &Push::memory(), &ann, RoomKind::Group, &new).await.expect("made").id;
    let RoomId(id) = room;
    for sql in [
        format!("insert into users (username, display_name, password_hash, created_at) select concat('u', seq), 'U', 'x', 0 from {} s", numbers(500)),
        format!("insert into rooms (kind, name, active_at, changed_at, created_at) select 'group', 'Other', seq, seq, seq from {} s", numbers(300)),
        format!(
            "insert into members (room_id, user_id, joined_at, rev, read_seq, delivered_seq)
             select r.id, u.id, 0, u.id, u.id, u.id from rooms r join users u on u.username <> 'ann' where r.id = {id} or (u.id + r.id) % 7 = 0"
        ),
        format!("insert into members (room_id, user_id, joined_at) select id, {}, 0 from rooms where id % 10 = 0 and id <> {id}", ann.user),
        format!("insert into messages (room_id, seq, sender_id, content, created_at, rev) select {id}, seq, {}, concat('text ', seq), 0, seq from {} s", ann.user, numbers(5000)),
        format!("insert into messages (room_id, seq, sender_id, content, created_at, rev) select {}, seq, {}, concat('text ', seq), 0, seq from {} s", id + 1, ann.user, numbers(5000)),
        format!("insert into reactions (room_id, seq, emoji, user_id, created_at) select {id}, seq, 'x', {}, 0 from {} s", ann.user, numbers(5000)),
        format!("insert into receipts (room_id, user_id, to_seq, from_seq, read_at) select {id}, u.id, s.seq * 10, s.seq * 10 - 9, 0 from users u join {} s on 1 = 1", numbers(20)),
        format!("update rooms set last_seq = 5000, rev = 5000 where id = {id}"),
        format!("update members set read_seq = 5000 where room_id = {id} and user_id = {}", ann.user),
        format!("insert into session_closings select 100000 + seq, 100000 + seq, 'logout', 1 from {} s", numbers(5000)),
        "analyze table users, rooms, members, messages, reactions, receipts, mentions, hidden_messages, session_closings".to_owned(),
    ] {
        run(&db, sql).await;
    }
    (db, ann, RoomRef::Id(room))
}

/// Returns the plans of the statements that the work actually sends, from the server's log. The log is on only meanwhile, since all tests share the
/// server.
async fn plans<T>(db: &Db, work: impl Future<Output = T>) -> Vec<Plan> {
    static LOG: Mutex<()> = Mutex::const_new(());
    let turn = LOG.lock().await;
    run(db, "set global log_output = 'TABLE'".into()).await;
    run(db, "set global general_log = 1".into()).await;
    // The server logs values only of statements that it prepares meanwhile.
    db.acquire().await.expect("a connection").clear_cached_statements().await.expect("forgotten");
    run(db, "set @from = now(6)".into()).await;
    work.await;
    run(db, "set global general_log = 0".into()).await;
    drop(turn);
    let logged: Vec<String> = sqlx::query_scalar(
        "select cast(argument as char) from mysql.general_log
         where thread_id = connection_id() and event_time >= @from and command_type in ('Execute', 'Query') and argument like '%select%'
         order by event_time",
    )
    .fetch_all(&mut *db.acquire().await.expect("a connection"))
    .await
    .expect("the log");
    let mut plans = Vec::new();
    for statement in logged.into_iter().filter(|statement| !statement.contains("general_log")) {
        let explain = sqlx::AssertSqlSafe(format!("explain format=traditional {statement}"));
        let rows = db.acquire().await.expect("a connection").fetch_all(explain).await.expect("a plan");
        let step = |row: &sqlx::mysql::MySqlRow| Step {
            table: row.try_get::<Option<String>, _>("table").expect("a table").unwrap_or_default(),
            index: row.try_get("key").expect("a key"),
        };
        plans.push(Plan { statement, steps: rows.iter().map(step).collect() });
    }
    plans
}

/// Asserts that a statement with these words reads the table by this index.
#[track_caller]
fn uses(plans: &[Plan], words: &str, table: &str, index: &str) {
    let Plan { statement, steps } = plans
        .iter()
        .find(|plan| plan.statement.split_whitespace().collect::<Vec<_>>().join(" ").contains(words))
        .unwrap_or_else(|| panic!("no statement has {words:?}: {plans:#?}"));
    let found = steps.iter().filter(|step| step.table == table).map(|step| step.index.as_deref());
    assert!(found.clone().any(|key| key == Some(index)) && found.clone().all(|key| key.is_some()), "{statement}\n{steps:?}");
}

#[tokio::test]
async fn each_hot_query_names_its_index() {
    let (db, ann, room) = populated().await;
    let index = IndexUse { begun_by: Timestamp(0), beyond: 200 };
    let audience =
        plans(&db, async { recipients::of_room(&mut db.acquire().await.expect("a connection"), id_of(&room), index).await })
            .await;
    uses(&audience, "from rooms r join members m on m.room_id = r.id and m.state = 'joined' and (m.closed_seq", "m", "PRIMARY");
    uses(
        &audience,
        "from rooms r join members m on m.room_id = r.id and m.state = 'joined' and (m.closed_seq",
        "c",
        "session_closings_user",
    );
    let history = plans(&db, messages::history(&db, &ann, &room, HistoryRange::Before(Seq(2500)), Some(50))).await;
    uses(&history, "left join members m on", "r", "PRIMARY");
    uses(&history, "left join members m on", "m", "PRIMARY");
    uses(&history, "from messages m", "m", "PRIMARY");
    uses(&history, "from reactions", "reactions", "PRIMARY");
    let changes = plans(&db, sync::room(&db, &ann, &room, Rev(4900), None)).await;
    uses(&changes, "join (select x.room_id, x.seq", "x", "messages_rev");
    uses(&changes, "join (select x.room_id, x.seq", "m", "PRIMARY");
    uses(&changes, "y.rev > ", "y", "members_rev");
    let RoomRef::Id(RoomId(id)) = room else { panic!("{room:?}") };
    let known = [(id, 4900), (id + 9, 0), (id + 19, 0)];
    let known = known.map(|(room, rev)| Changed { room_id: RoomId(room), rev: Rev(rev) });
    let caught_up = plans(&db, catch_up::packed_frames(&db, &ann, &known, None)).await;
    uses(&caught_up, "where r.id in (", "r", "PRIMARY");
    uses(&caught_up, "where r.id in (", "m", "PRIMARY");
    uses(&caught_up, "select x.room_id, x.seq", "x", "messages_rev");
    uses(&caught_up, "select x.room_id, x.seq", "m", "PRIMARY");
    uses(&caught_up, "select y.room_id, y.user_id", "y", "members_rev");
    uses(&caught_up, "from reactions", "reactions", "PRIMARY");
    uses(&changes, "from reactions", "reactions", "PRIMARY");
    let list = plans(&db, rooms::list(&db, &ann, Scope::Joined, PageRequest::default())).await;
    uses(&list, "select room_id as id from members", "members", "members_user");
    let all = plans(&db, sync::rooms(&db, &ann, PageRequest::default())).await;
    uses(&all, "greatest(r.changed_at", "m", "members_user");
    uses(&all, "greatest(r.changed_at", "r", "PRIMARY");
    let cursor = sync::rooms(&db, &ann, PageRequest::default()).await.expect("all rooms").cursor;
    let news = plans(&db, sync::rooms(&db, &ann, PageRequest { cursor: Some(&cursor), limit: None })).await;
    uses(&news, "where profile_changed_at >= ", "users", "users_profile");
    let unread = plans(&db, receipts::unread(&db, &ann)).await;
    uses(&unread, "m.user_id = ", "m", "members_user");
    let readers = plans(&db, receipts::of_message(&db, &ann, &room, Seq(15))).await;
    uses(&readers, "from messages g", "g", "PRIMARY");
    uses(&readers, "from messages g", "m", "PRIMARY");
    uses(&readers, "from messages g", "x", "PRIMARY");
    // All users are members, and the first one after Ann has read little.
    let reader = fixture::caller(UserId(ann.user.0 + 1), "u1");
    let unread = plans(&db, receipts::unread(&db, &reader)).await;
    uses(&unread, "from mentions x", "x", "PRIMARY");
    uses(&unread, "from hidden_messages h", "h", "PRIMARY");
    uses(&unread, "from messages y", "y", "messages_trace");
    let marks = plans(&db, receipts::raise_marker(&db, &Push::memory(), &reader, &room, ReadMarker::Read(Seq(5000)))).await;
    for table in ["x", "m", "r", "u"] {
        uses(&marks, "select distinct x.sender_id", table, "PRIMARY");
    }
    run(&db, "update _sqlx_migrations set installed_on = now() - interval 1 day".into()).await;
    let words = Search { q: Some("text from:ann".into()), ..Search::default() };
    let throttle = Throttle::new(backend::ephemeral().await, fixture::limits());
    search::search(&db, &throttle, &ann, &words).await.expect("sealed");
    run(&db, "analyze table search_segments, search_slices".into()).await;
    let search = plans(&db, search::search(&db, &throttle, &ann, &words)).await;
    uses(&search, "from search_segments", "search_segments", "PRIMARY");
    uses(&search, "from search_slices", "search_slices", "PRIMARY");
    uses(&search, "m.created_at from messages m", "m", "PRIMARY");
    uses(&search, "where m.id in", "m", "messages_id");
    uses(&search, "order by r.active_at desc", "m", "members_user");
    receipts::raise_marker(&db, &Push::memory(), &ann, &room, ReadMarker::Read(Seq(1))).await.expect("the tables still work");
}

#[tokio::test]
async fn friend_lists_and_presence_audiences_are_index_ranges() {
    let (db, ann, _) = populated().await;
    for sql in [
        format!("insert into friendships select least(u.id, x.id), greatest(u.id, x.id), u.id, x.id, if(u.id % 2, 'accepted', 'pending'), 1, 1
                 from users u join users x on x.id > u.id and x.id < u.id + 20 where u.id <> {} and x.id <> {0}", ann.user),
        format!("insert into friendships select least(id, {0}), greatest(id, {0}), id, {0}, if(id % 2, 'accepted', 'pending'), 1, 1
                 from users where id <> {0} and id % 9 = 0", ann.user),
        "analyze table friendships".to_owned(),
    ] {
        run(&db, sql).await;
    }
    let push = Push::memory();
    let mine = plans(&db, friends::list(&db, &push, &ann, PageRequest::default())).await;
    uses(&mine, "f.other > ", "friendships", "friendships_by");
    uses(&mine, "f.other > ", "friendships", "friendships_of");
    uses(&mine, "u.presence_visibility", "f", "PRIMARY");
    let asked = plans(&db, friends::requests(&db, &ann, Direction::In, PageRequest::default())).await;
    uses(&asked, "f.requested_of = ", "f", "friendships_of");
    let watched = plans(&db, presence::online(&db, &push, &ann)).await;
    uses(&watched, "max(p.friend)", "friendships", "friendships_by");
    uses(&watched, "max(p.friend)", "friendships", "friendships_of");
    uses(&watched, "max(p.friend)", "m", "members_user");
    uses(&watched, "max(p.friend)", "r", "PRIMARY");
}

#[tokio::test]
async fn people_by_words_of_their_names_are_index_ranges() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    for sql in [
        format!(
            "insert into users (username, display_name, password_hash, created_at, words_of)
             select concat('u', seq), concat('N', seq, ' Word', seq), 'x', 0, concat('N', seq, ' Word', seq) from {} s",
            numbers(3000)
        ),
        "insert into user_name_words (user_id, word) select id, concat('n', id) from users".to_owned(),
        "insert into user_name_words (user_id, word) select id, concat('word', id) from users".to_owned(),
        "analyze table users, user_name_words".to_owned(),
    ] {
        run(&db, sql).await;
    }
    for query in ["word77", "word77 n77"] {
        let found = plans(&db, profiles::search(&db, &ann, query, PageRequest::default())).await;
        uses(&found, "from user_name_words w", "w", "user_name_words_word");
        uses(&found, "from user_name_words w", "u", "PRIMARY");
    }
    let stale = plans(&db, name_words::update_stale(&db, || true)).await;
    uses(&stale, "name_stale = 1", "users", "users_stale_name");
}

#[tokio::test]
async fn accounts_by_email_and_known_networks_are_index_ranges() {
    let backend = Backend::limited(Limits { login: Limit { quota: 1, window: 300 }, ..fixture::limits() }).await;
    let db = &backend.db;
    backend.register("ann").await;
    for sql in [
        format!(
            "insert into users (username, email, email_key, display_name, password_hash, created_at)
             select concat('u', seq), concat('U', seq, '@x.example'), concat('u', seq, '@x.example'), 'U', 'x', 0 from {} s",
            numbers(500)
        ),
        "insert into sessions (user_id, refresh_hash, ip, created_at, last_used_at, expires_at)
         select id, '', '192.0.2.7', 0, 0, 0 from users"
            .to_owned(),
        "analyze table users, sessions".to_owned(),
    ] {
        run(db, sql).await;
    }
    for number in 0..12 {
        assert!(backend.login(&format!("ghost{number}"), "not the password", "192.0.2.7").await.is_err());
    }
    let login = plans(db, backend.login("u7@x.example", "not the password", "192.0.2.7")).await;
    uses(&login, "where c.email_key = ", "c", "users_email_key");
    uses(&login, "where c.email_key = ", "c", "users_email_written");
    uses(&login, "where c.email_key = ", "u", "PRIMARY");
    uses(&login, "inet6_aton", "sessions", "sessions_user");
}
