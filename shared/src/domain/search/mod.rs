//! Searching messages. Nothing but the text of a message decides whether it matches, and only texts that the caller may read are looked at; the
//! index saves reading the others. Work is bounded: a page may be short, or empty, and have a `next` all the same.

mod query;
mod seal;
mod signature;
mod text;
mod trail;
mod words;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::caller::Caller;
use crate::domain::throttle::Throttle;
use crate::domain::{paging, rooms};
use crate::error::{Error, Result};
use crate::protocol::page::Page;
use crate::protocol::search::{Found, Highlight, Search};
use crate::store::search::{self as store, Text};
use crate::store::{Db, members, users};
use crate::time::Timestamp;
use query::Query;
use trail::{Asked, Trail};

/// Items of a page when the request does not say, and at most.
const LIMITS: (u32, u32) = (20, 50);
/// Rooms that are searched when none is named.
const MAX_ROOMS: u32 = 500;
/// Texts that a request looks at before it answers with what it has.
const MAX_TEXTS: usize = 20_000;
/// How long it looks.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A page of messages that match, newest first.
pub async fn search(db: &Db, throttle: &Throttle, caller: &Caller, search: &Search) -> Result<Page<Found>> {
    let query = Query::read(search)?;
    let limit = search.limit.unwrap_or(LIMITS.0).clamp(1, LIMITS.1);
    let after = search.cursor.as_deref().map(|cursor| Place::read(cursor, query.room.is_some())).transpose()?;
    throttle.search(caller.user, caller.now).await?;
    let mut hunt = Hunt::begin(db, caller, &query, after).await?;
    let end = hunt.run(usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    hunt.page(end).await
}

/// Where a message stands among those found. In one room that is its seq; over several rooms its time, and its number among those of one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(i64, u64);

impl Place {
    fn of(text: &Text, one_room: bool) -> Self {
        if one_room { Self(i64::try_from(text.seq).unwrap_or(i64::MAX), 0) } else { Self(text.created_at.0, text.id().0) }
    }

    fn cursor(self, one_room: bool) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}.{}", if one_room { "r" } else { "a" }, self.0, self.1))
    }

    /// The cursor of a search in one room means nothing to one over all of them.
    fn read(cursor: &str, one_room: bool) -> Result<Self> {
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
            let (first, second) = text.strip_prefix(if one_room { "r." } else { "a." })?.split_once('.')?;
            Some(Self(first.parse().ok()?, second.parse().ok()?))
        };
        read().ok_or_else(paging::bad_cursor)
    }
}

/// A text that matches.
struct Hit {
    place: Place,
    text: Text,
    highlights: Vec<Highlight>,
}

/// One search on its way: a trail through each room, newest first, and what was found.
struct Hunt<'a> {
    db: &'a Db,
    one_room: bool,
    asked: Asked<'a>,
    /// What is found comes after this place.
    after: Option<Place>,
    trails: Vec<Trail>,
    hits: Vec<Hit>,
}

/// How a search ended: so many at most, all of them newer than `edge` if it did not get to the end.
struct End {
    limit: usize,
    edge: Option<i64>,
}

impl<'a> Hunt<'a> {
    async fn begin(db: &'a Db, caller: &Caller, query: &'a Query, after: Option<Place>) -> Result<Self> {
        let mut connection = db.acquire().await?;
        let from = match query.from.as_deref() {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("me") => Some(caller.user),
            Some(name) => {
                let account = users::account_by_username(&mut connection, name).await?;
                let absent = || Error::invalid("from", "user_not_found", "there is no such person");
                Some(account.ok_or_else(absent)?.me.user.id)
            }
        };
        let one_room = query.room.is_some();
        let rooms = match &query.room {
            Some(room) => {
                let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
                if let Some(same) = &query.same_room {
                    let same = rooms::readable(members::standing(&mut connection, same, caller.user).await?)?;
                    if same.room() != readable.room() {
                        return Err(query::two_rooms("q"));
                    }
                }
                vec![(readable, Timestamp(i64::MAX))]
            }
            None => store::rooms(&mut connection, caller.user, MAX_ROOMS).await?,
        };
        let latest = query.before.map_or(i64::MAX, |before| before.0.saturating_sub(1));
        let latest = after.filter(|_| !one_room).map_or(latest, |place| latest.min(place.0));
        let asked = Asked::new(query, from, (query.after.unwrap_or(Timestamp(i64::MIN)), Timestamp(latest)));
        let readable: Vec<_> = rooms.iter().map(|(room, _)| room).collect();
        let mut sealed: HashMap<_, Vec<_>> = HashMap::new();
        for one in store::sealed(&mut connection, &readable).await? {
            sealed.entry(one.room).or_default().push(one);
        }
        let mut trails = Vec::with_capacity(rooms.len());
        for (room, active_at) in rooms {
            let sealed = sealed.remove(&room.room()).unwrap_or_default();
            let mut trail = Trail::new(room, sealed, active_at.min(asked.times.1));
            if let Some(Place(seq, _)) = after.filter(|_| one_room) {
                trail.not_after(u64::try_from(seq).unwrap_or_default());
            }
            trail.skip_to(&mut connection, asked.times.1).await?;
            trails.push(trail);
        }
        Ok(Self { db, one_room, asked, after, trails, hits: Vec::new() })
    }

    /// Follows the trail that may have the newest message, until what was found is newer than anything to come.
    async fn run(&mut self, limit: usize) -> Result<End> {
        let (begun, mut texts, mut first) = (Instant::now(), 0, None);
        let earliest = self.asked.times.0;
        // Many rooms are looked at in small steps: none of them is passed before all have come as far.
        let step = (MAX_TEXTS / self.trails.len().max(1)).clamp(16, 256);
        loop {
            let next =
                self.trails.iter_mut().filter(|trail| !trail.is_done(earliest)).max_by_key(|trail| trail.edge(self.one_room));
            let Some(trail) = next else { return Ok(End { limit, edge: None }) };
            let edge = trail.edge(self.one_room);
            if self.hits.get(limit).is_some_and(|hit| hit.place.0 > edge) {
                return Ok(End { limit, edge: Some(edge) });
            }
            // Each page gets further than the one before, however slow everything is.
            let further = *first.get_or_insert(edge) > edge;
            if further && (texts >= MAX_TEXTS || begun.elapsed() >= PATIENCE) {
                return Ok(End { limit, edge: Some(edge) });
            }
            let read = trail.follow(self.db, &self.asked, step).await?;
            texts += read.len().max(1);
            let before = self.hits.len();
            for text in read {
                let place = Place::of(&text, self.one_room);
                if self.after.is_none_or(|after| place < after)
                    && let Some(highlights) = self.asked.matches(&text)
                {
                    self.hits.push(Hit { place, text, highlights });
                }
            }
            if self.hits.len() > before {
                self.hits.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.place));
                self.hits.truncate(limit + 1);
            }
        }
    }

    async fn page(mut self, end: End) -> Result<Page<Found>> {
        let edge = end.edge.unwrap_or(i64::MIN);
        self.hits.retain(|hit| hit.place.0 > edge);
        let more = self.hits.len() > end.limit;
        self.hits.truncate(end.limit);
        let last = if more { self.hits.last().map(|hit| hit.place) } else { end.edge.map(|edge| Place(edge, u64::MAX)) };
        let texts: Vec<_> = self.hits.iter().map(|hit| &hit.text).collect();
        let rooms: Vec<_> = self.trails.iter().map(Trail::room).collect();
        let messages = store::messages(&mut *self.db.acquire().await?, &rooms, &texts).await?;
        let mut messages: HashMap<_, _> = messages.into_iter().map(|message| (message.id, message)).collect();
        // What was unsent between the two reads is gone.
        let found = self.hits.into_iter().filter_map(|hit| {
            let message = messages.remove(&hit.text.id()).filter(|message| message.content == hit.text.content)?;
            Some(Found { message, highlights: hit.highlights })
        });
        Ok(Page { items: found.collect(), next: last.map(|place| place.cursor(self.one_room)) })
    }
}
