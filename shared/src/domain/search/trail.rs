//! The way through one room from its newest message to its oldest: over sealed segments by their bits, over the rest text by text.

use std::collections::BTreeMap;

use super::query::Query;
use super::seal::{Candidates, marks, seal};
use super::signature::{self, Mark};
use super::words::{Needle, highlights};
use crate::error::Result;
use crate::id::UserId;
use crate::protocol::search::Highlight;
use crate::store::members::Readable;
use crate::store::search::{self as store, SEGMENT, Sealed, Text, Wanted, segment};
use crate::store::{Db, Handle};
use crate::time::Timestamp;

/// A message carries the time of its request, and gets its seq a little later; clocks differ, too. An older message has no later time than that.
const SKEW_MS: i64 = 10_000;
/// Sealed segments whose bits are read at once: few at first, because what is common is found in the newest, and more each time.
const SEGMENTS: (usize, usize) = (32, 256);
/// Bits that are read at once: after them most segments have no candidate for what is rare, and their other bits need no look.
const BITS_AT_ONCE: usize = 8;
/// Segments without a seal that are walked over rather than leapt: leaping takes some statements.
const FEW: u64 = 4;

/// What every trail looks for.
pub(super) struct Asked<'a> {
    needles: &'a [Needle],
    has: &'a [Mark],
    from: Option<UserId>,
    bits: Vec<u16>,
    /// From this time on, and up to that.
    pub(super) times: (Timestamp, Timestamp),
}

impl<'a> Asked<'a> {
    pub(super) fn new(query: &'a Query, from: Option<UserId>, times: (Timestamp, Timestamp)) -> Self {
        let all_marks = query.has.iter().copied().chain(from.map(|user| Mark::From(user.0)));
        Self { needles: &query.needles, has: &query.has, from, bits: signature::asked(&query.needles, all_marks), times }
    }

    /// What of a text matches, if it does.
    pub(super) fn matches(&self, text: &Text) -> Option<Vec<Highlight>> {
        let has = self.has.iter().all(|wanted| marks(text).any(|mark| mark == *wanted));
        if has { highlights(self.needles, &text.content) } else { None }
    }
}

/// How far a room has been looked through.
pub(super) struct Trail {
    room: Readable,
    /// The newest seq that was not looked at.
    next: u64,
    /// Nothing that was not looked at is later.
    latest: Timestamp,
    sealed: BTreeMap<u64, Sealed>,
    /// What may match in sealed segments, by segment.
    candidates: BTreeMap<u64, Vec<u64>>,
    /// Sealed segments whose bits are read next.
    ahead: usize,
    /// Whether segments that are full may still be sealed on the way.
    seals: bool,
}

impl Trail {
    pub(super) fn new(room: Readable, sealed: Vec<Sealed>, latest: Timestamp) -> Self {
        // Seals are made of texts as they are; those of a past member's time are read.
        let seals = !room.is_past();
        let sealed = sealed.into_iter().filter(|_| seals).map(|one| (one.segment, one)).collect();
        Self { next: room.visible_to_seq, room, latest, sealed, candidates: BTreeMap::new(), ahead: SEGMENTS.0, seals }
    }

    /// The room that is looked through.
    pub(super) fn room(&self) -> &Readable {
        &self.room
    }

    /// Whether nothing is left that was sent then or later.
    pub(super) fn is_done(&self, earliest: Timestamp) -> bool {
        self.next < self.first() || self.latest < earliest
    }

    /// What the place of a message that was not looked at begins with at most.
    pub(super) fn edge(&self, one_room: bool) -> i64 {
        if one_room { i64::try_from(self.next).unwrap_or(i64::MAX) } else { self.latest.0 }
    }

    /// Begins at this seq.
    pub(super) fn not_after(&mut self, seq: u64) {
        self.next = self.next.min(seq);
    }

    /// Leaps over segments that are later than a time, where many of them have no seal that would say so.
    pub(super) async fn skip_to(&mut self, connection: &mut Handle, latest: Timestamp) -> Result<()> {
        let (mut low, mut high) = (segment(self.first()), segment(self.next));
        if latest.0 == i64::MAX || high.saturating_sub(low) < FEW + self.sealed.len() as u64 {
            return Ok(());
        }
        // The last segment whose first message may be early enough.
        while low < high {
            let middle = low.midpoint(high) + (high - low) % 2;
            let at = store::sent_at(connection, &self.room, middle * SEGMENT + 1).await?;
            if at.is_some_and(|at| at.0 > latest.0.saturating_add(SKEW_MS)) {
                high = middle - 1;
            } else {
                low = middle;
            }
        }
        self.not_after((low + 1) * SEGMENT);
        Ok(())
    }

    /// Goes on by up to `step` texts, and gives those that may match.
    pub(super) async fn follow(&mut self, db: &Db, asked: &Asked<'_>, step: usize) -> Result<Vec<Text>> {
        let segment = segment(self.next);
        let first = (segment * SEGMENT + 1).max(self.first());
        if !self.sealed.contains_key(&segment) {
            self.try_to_seal(db, segment).await;
        }
        let wanted = Wanted { limit: step, seqs: (first, self.next), from: asked.from, times: asked.times };
        let Some(sealed) = self.sealed.get(&segment).copied() else {
            let mut connection = db.acquire().await?;
            let texts = store::texts(&mut connection, &self.room, wanted, None).await?;
            let oldest = texts.last().filter(|_| texts.len() == step);
            match oldest {
                Some(oldest) => self.passed(oldest.seq, Some(oldest.created_at)),
                None if first == self.first() => self.passed(first, None),
                // What was read may be later by far than where the segment begins.
                None => self.passed(first, store::sent_at(&mut connection, &self.room, first).await?),
            }
            return Ok(texts);
        };
        if sealed.from_at > asked.times.1 || sealed.to_at < asked.times.0 {
            self.passed(first, Some(sealed.from_at));
            return Ok(Vec::new());
        }
        if !self.candidates.contains_key(&segment) {
            self.read_bits(db, asked, segment).await?;
            if !self.sealed.contains_key(&segment) {
                return Ok(Vec::new());
            }
        }
        let (some, whole) = self.candidates_from(sealed, step);
        let wanted = Wanted { seqs: (self.first(), self.next), ..wanted };
        let texts = store::texts(&mut *db.acquire().await?, &self.room, wanted, Some(&some)).await?;
        match some.last().filter(|_| some.len() == step) {
            Some(oldest) => self.passed(*oldest, texts.last().map(|text| text.created_at)),
            None => self.passed((whole.segment * SEGMENT + 1).max(self.first()), Some(whole.from_at)),
        }
        Ok(texts)
    }

    /// Up to `step` candidates from this segment back, newest first, and the last segment that was looked through for them: as far as sealed ones whose
    /// bits were read follow each other.
    fn candidates_from(&self, mut sealed: Sealed, step: usize) -> (Vec<u64>, Sealed) {
        let mut some = Vec::new();
        loop {
            let known = self.candidates.get(&sealed.segment).map_or(&[][..], Vec::as_slice);
            some.extend(known.iter().rev().filter(|seq| **seq <= self.next).take(step - some.len()));
            let before = sealed.segment.checked_sub(1).and_then(|segment| self.sealed.get(&segment));
            match before.filter(|before| some.len() < step && self.candidates.contains_key(&before.segment)) {
                Some(before) => sealed = *before,
                None => return (some, sealed),
            }
        }
    }

    fn first(&self) -> u64 {
        self.room.visible_from_seq.max(1)
    }

    /// Everything from this seq on was looked at, down to this time.
    fn passed(&mut self, seq: u64, at: Option<Timestamp>) {
        self.next = seq - 1;
        if let Some(at) = at {
            self.latest = self.latest.min(Timestamp(at.0.saturating_add(SKEW_MS)));
        }
        let ends = self.next > 0 && self.next.is_multiple_of(SEGMENT);
        if let Some(next) = self.sealed.get(&segment(self.next)).filter(|_| ends) {
            self.latest = self.latest.min(next.to_at);
        }
    }

    /// Seals a segment that is full and of which nothing was looked at yet. What fails here only costs reading its texts.
    async fn try_to_seal(&mut self, db: &Db, segment: u64) {
        let full = (segment + 1) * SEGMENT <= self.room.last_seq;
        if !(self.seals && full) {
            return;
        }
        match seal(db, self.room.room(), segment).await {
            Ok(Some(sealed)) => {
                self.sealed.insert(segment, sealed);
            }
            Ok(None) => self.seals = false,
            Err(error) => {
                tracing::warn!(error = error.source().map(ToString::to_string), "a segment stays unsealed");
                self.seals = false;
            }
        }
    }

    async fn read_bits(&mut self, db: &Db, asked: &Asked<'_>, from: u64) -> Result<()> {
        let in_time = |one: &&Sealed| one.from_at <= asked.times.1 && one.to_at >= asked.times.0;
        let ahead = self.sealed.range(..=from).rev().map(|(_, one)| one).filter(in_time).take(self.ahead);
        let mut segments: Vec<_> = ahead.map(|one| Candidates::all(one.segment)).collect();
        self.ahead = (self.ahead * 2).min(SEGMENTS.1);
        for bits in asked.bits.chunks(BITS_AT_ONCE) {
            let left: Vec<u64> = segments.iter().filter(|one| !one.is_empty()).map(Candidates::segment).collect();
            let (sealed, slices) = store::slices(&mut *db.acquire().await?, &self.room, &left, bits).await?;
            // Somebody changed one of its messages meanwhile: its texts are read.
            for unsealed in left.iter().filter(|segment| !sealed.contains(segment)) {
                self.sealed.remove(unsealed);
            }
            segments.retain(|one| self.sealed.contains_key(&one.segment()));
            for one in &mut segments {
                one.narrow(bits.len(), &slices);
            }
        }
        self.candidates.extend(segments.iter().map(|one| (one.segment(), one.seqs())));
        Ok(())
    }
}
