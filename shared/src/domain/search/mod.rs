//! Message search. Only the text of a message and the names of its files decide whether it matches, and only texts that the caller may read are
//! compared; the index saves reading the others. Work per request is bounded: a page may be short or empty and still have a `next`.
//!
//! ```text
//! room    seq 1 ......... SEGMENT | SEGMENT + 1 ............. | newest
//!         sealed segment 0        | sealed segment 1          | open: texts are read
//!
//! text and names ─normalize─▶ grams ──hash──▶ signature of BITS bits  (signature.rs)
//! sealed segment = its messages' signatures, transposed               (segments.rs):
//!         message  1 2 3 4 …
//! bit 0            0 1 0 0 …   one row of the table per bit that
//! bit 1            1 1 0 1 …   any message of the segment has
//! query terms ──▶ required bits ──▶ AND of these rows ──▶ candidates ──▶ texts ──▶ matches
//! ```
//!
//! `query` parses the query (days by `zone`), `room_cursor` walks one room from new to old, `terms` compares texts, `symbols` what stands beside their
//! words. `names` folds display names alike.

mod latin;
pub(in crate::domain) mod names;
mod normalize;
mod query;
mod room_cursor;
mod segments;
mod signature;
mod symbols;
mod terms;
mod zone;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::domain::limits::throttle::Throttle;
use crate::domain::paging::{at_most, decode_cursor, encode_cursor};
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::Seq;
use crate::protocol::messages::Message;
use crate::protocol::page::Page;
use crate::protocol::search::{Found, Search};
use crate::store::search_index::{self as store, SearchText};
use crate::store::{Db, members, users};
use crate::time::Timestamp;
use query::ParsedQuery;
use room_cursor::{Criteria, RoomCursor};
use signature::FOLDING;
use terms::TermMatches;

/// Default and maximum page size.
const LIMITS: (u32, u32) = (20, 50);
/// Rooms searched when none is named.
const MAX_ROOMS: u32 = 500;
/// Texts read per request.
const MAX_TEXTS: usize = 20_000;
/// Time limit per request.
const MAX_TIME: Duration = Duration::from_millis(1500);

/// Returns a page of matching messages, newest first.
pub async fn search(db: &Db, throttle: &Throttle, caller: &Caller, search: &Search) -> Result<Page<Found>> {
    let query = ParsedQuery::read(search)?;
    let limit = at_most(search.limit, LIMITS.1)?.unwrap_or(LIMITS.0);
    let after = search.cursor.as_deref().map(|cursor| ResultPosition::decode(cursor, query.room.is_some())).transpose()?;
    throttle.search(caller.user, caller.now).await?;
    let mut run = SearchRun::begin(db, caller, &query, after).await?;
    let end = run.run(usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    run.page(end).await
}

/// The position of a match: its seq in a single room; otherwise its time and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ResultPosition(i64, u64);

impl ResultPosition {
    fn of(text: &SearchText, one_room: bool) -> Self {
        if one_room { Self(i64::try_from(text.seq.0).unwrap_or(i64::MAX), 0) } else { Self(text.created_at.0, text.id().0) }
    }

    fn encode(self, one_room: bool) -> String {
        encode_cursor(&format!("{}.{}.{}", if one_room { "r" } else { "a" }, self.0, self.1))
    }

    /// Cursors of single-room and of all-room searches are not interchangeable.
    fn decode(cursor: &str, one_room: bool) -> Result<Self> {
        decode_cursor(cursor, |text| {
            let (first, second) = text.strip_prefix(if one_room { "r." } else { "a." })?.split_once('.')?;
            Some(Self(first.parse().ok()?, second.parse().ok()?))
        })
    }
}

struct Hit {
    place: ResultPosition,
    text: SearchText,
    matches: TermMatches,
}

impl Hit {
    /// Returns whether a message, read later, still has the texts that match.
    fn is_current(&self, message: &Message) -> bool {
        let names = message.attachments.iter().map(|attachment| &attachment.file_name);
        message.content == self.text.content && names.eq(&self.text.file_names)
    }
}

/// A running search: a cursor per room, newest first, and the matches so far.
struct SearchRun<'a> {
    db: &'a Db,
    one_room: bool,
    criteria: Criteria<'a>,
    /// Matches must come after this position.
    after: Option<ResultPosition>,
    cursors: Vec<RoomCursor>,
    hits: Vec<Hit>,
}

/// How a search ended. Matches newer than `edge` are complete; `None` means that everything was searched.
struct RunEnd {
    limit: usize,
    edge: Option<i64>,
}

impl<'a> SearchRun<'a> {
    async fn begin(db: &'a Db, caller: &Caller, query: &'a ParsedQuery, after: Option<ResultPosition>) -> Result<Self> {
        let mut connection = db.acquire().await?;
        let from = match query.from.as_deref() {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("me") => Some(caller.user),
            Some(name) => {
                let account = users::account_by_username(&mut connection, name).await?;
                let absent = || Error::invalid("from", "user_not_found", "there is no such user");
                Some(account.ok_or_else(absent)?.me.user.id)
            }
        };
        let one_room = query.room.is_some();
        let rooms = match &query.room {
            Some(room) => {
                let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
                if let Some(same) = &query.same_room {
                    let same = rooms::require_readable(members::find_access(&mut connection, same, caller.user).await?)?;
                    if same.room() != readable.room() {
                        return Err(query::conflicting_rooms("q"));
                    }
                }
                vec![(readable, Timestamp(i64::MAX))]
            }
            None => store::rooms(&mut connection, caller.user, MAX_ROOMS).await?,
        };
        let latest = query.before.map_or(i64::MAX, |before| before.0.saturating_sub(1));
        let latest = after.filter(|_| !one_room).map_or(latest, |place| latest.min(place.0));
        let criteria = Criteria::new(query, from, query.after.unwrap_or(Timestamp(i64::MIN)), Timestamp(latest));
        let readable: Vec<_> = rooms.iter().map(|(room, _)| room).collect();
        let mut sealed: HashMap<_, Vec<_>> = HashMap::new();
        for one in store::list_sealed(&mut connection, &readable, FOLDING).await? {
            sealed.entry(one.room).or_default().push(one);
        }
        let mut cursors = Vec::with_capacity(rooms.len());
        for (room, active_at) in rooms {
            let sealed = sealed.remove(&room.room()).unwrap_or_default();
            let mut cursor = RoomCursor::new(room, sealed, active_at.min(criteria.latest));
            if let Some(ResultPosition(seq, _)) = after.filter(|_| one_room) {
                cursor.start_at(Seq(u64::try_from(seq).unwrap_or_default()));
            }
            cursor.skip_to(&mut connection, criteria.latest).await?;
            cursors.push(cursor);
        }
        Ok(Self { db, one_room, criteria, after, cursors, hits: Vec::new() })
    }

    /// Advances the cursor that may have the newest message, until the page's matches are newer than anything unread.
    async fn run(&mut self, limit: usize) -> Result<RunEnd> {
        let (begun, mut texts, mut first) = (Instant::now(), 0, None);
        let earliest = self.criteria.earliest;
        // Small steps over many rooms, because every room has to reach the edge.
        let step = (MAX_TEXTS / self.cursors.len().max(1)).clamp(16, 256);
        loop {
            let next = self
                .cursors
                .iter_mut()
                .filter(|cursor| !cursor.is_done(earliest))
                .max_by_key(|cursor| cursor.edge(self.one_room));
            let Some(cursor) = next else { return Ok(RunEnd { limit, edge: None }) };
            let edge = cursor.edge(self.one_room);
            if self.hits.get(limit).is_some_and(|hit| hit.place.0 > edge) {
                return Ok(RunEnd { limit, edge: Some(edge) });
            }
            // Each page makes progress, however slow the store is.
            let further = *first.get_or_insert(edge) > edge;
            if further && (texts >= MAX_TEXTS || begun.elapsed() >= MAX_TIME) {
                return Ok(RunEnd { limit, edge: Some(edge) });
            }
            let read = cursor.advance(self.db, &self.criteria, step).await?;
            texts += read.len().max(1);
            let before = self.hits.len();
            for text in read {
                let place = ResultPosition::of(&text, self.one_room);
                if self.after.is_none_or(|after| place < after)
                    && let Some(matches) = self.criteria.matches(&text)
                {
                    self.hits.push(Hit { place, text, matches });
                }
            }
            if self.hits.len() > before {
                self.hits.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.place));
                self.hits.truncate(limit + 1);
            }
        }
    }

    async fn page(mut self, end: RunEnd) -> Result<Page<Found>> {
        let edge = end.edge.unwrap_or(i64::MIN);
        self.hits.retain(|hit| hit.place.0 > edge);
        let more = self.hits.len() > end.limit;
        self.hits.truncate(end.limit);
        let last = if more { self.hits.last().map(|hit| hit.place) } else { end.edge.map(|edge| ResultPosition(edge, u64::MAX)) };
        let texts: Vec<_> = self.hits.iter().map(|hit| &hit.text).collect();
        let rooms: Vec<_> = self.cursors.iter().map(RoomCursor::room).collect();
        let messages = store::messages(&mut *self.db.acquire().await?, &rooms, &texts).await?;
        let mut messages: HashMap<_, _> = messages.into_iter().map(|message| (message.id, message)).collect();
        // Messages that were unsent or changed between the two reads are dropped.
        let found = self.hits.into_iter().filter_map(|hit| {
            let message = messages.remove(&hit.text.id()).filter(|message| hit.is_current(message))?;
            let TermMatches { highlights, files } = hit.matches;
            Some(Found { message, highlights, files })
        });
        Ok(Page { items: found.collect(), next: last.map(|place| place.encode(self.one_room)) })
    }
}
