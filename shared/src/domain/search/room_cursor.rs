//! A cursor through one room from its newest message to its oldest: sealed segments by their bits, the rest text by text.

use std::collections::BTreeMap;

use super::query::ParsedQuery;
use super::segments::{Candidates, attributes, first_of, seal};
use super::signature::{self, Attribute, FOLDING};
use super::terms::{self, Term, TermMatches};
use crate::error::Result;
use crate::id::{Seq, UserId};
use crate::store::members::Readable;
use crate::store::search_index::{self as store, SEGMENT_MESSAGES, SealedSegment, SearchText, TextQuery, segment_of};
use crate::store::{Db, Handle};
use crate::time::Timestamp;

/// Slack between times and seqs: a message gets its time before its seq, and clocks differ.
const SKEW_MS: i64 = 10_000;
/// Sealed segments whose bits are read at once, growing from the first number to the second: common terms match in the newest segments.
const SEGMENTS_AHEAD: (usize, usize) = (32, 256);
/// Bits read at once. After the first ones, most segments have no candidate for a rare term.
const BITS_AT_ONCE: usize = 8;
/// Unsealed segments that are read rather than skipped, because skipping takes some statements.
const MIN_SKIPPED: u64 = 4;

pub(super) struct Criteria<'a> {
    terms: &'a [Term],
    has: &'a [Attribute],
    from: Option<UserId>,
    bits: Vec<u16>,
    /// No message before this time matches.
    pub(super) earliest: Timestamp,
    /// No message after this time matches.
    pub(super) latest: Timestamp,
}

impl<'a> Criteria<'a> {
    pub(super) fn new(query: &'a ParsedQuery, from: Option<UserId>, earliest: Timestamp, latest: Timestamp) -> Self {
        let all_attributes = query.has.iter().copied().chain(from.map(|user| Attribute::From(user.0)));
        let bits = signature::required_bits(&query.terms, all_attributes);
        Self { terms: &query.terms, has: &query.has, from, bits, earliest, latest }
    }

    /// Returns where a message matches, if it does.
    pub(super) fn matches(&self, text: &SearchText) -> Option<TermMatches> {
        let has = self.has.iter().all(|wanted| attributes(text).any(|attribute| attribute == *wanted));
        if has { terms::matches(self.terms, &text.content, &text.file_names) } else { None }
    }
}

/// The progress in one room.
pub(super) struct RoomCursor {
    room: Readable,
    /// The newest unread seq.
    next: Seq,
    /// Upper bound of the times of unread messages.
    latest: Timestamp,
    sealed: BTreeMap<u64, SealedSegment>,
    /// Candidates in sealed segments, by segment.
    candidates: BTreeMap<u64, Vec<Seq>>,
    /// Number of sealed segments whose bits are read next.
    ahead: usize,
    /// Whether full segments may be sealed on the way.
    seals: bool,
}

impl RoomCursor {
    pub(super) fn new(room: Readable, sealed: Vec<SealedSegment>, latest: Timestamp) -> Self {
        // The index covers current texts, so past members' rooms are read text by text.
        let seals = !room.is_past();
        let sealed = sealed.into_iter().filter(|_| seals).map(|one| (one.segment, one)).collect();
        Self { next: room.visible_to_seq, room, latest, sealed, candidates: BTreeMap::new(), ahead: SEGMENTS_AHEAD.0, seals }
    }

    pub(super) fn room(&self) -> &Readable {
        &self.room
    }

    /// Returns whether no unread message is from `earliest` or later.
    pub(super) fn is_done(&self, earliest: Timestamp) -> bool {
        self.next < self.first_seq() || self.latest < earliest
    }

    /// Returns an upper bound for the positions of unread messages.
    pub(super) fn edge(&self, one_room: bool) -> i64 {
        if one_room { i64::try_from(self.next.0).unwrap_or(i64::MAX) } else { self.latest.0 }
    }

    /// Starts at this seq or earlier.
    pub(super) fn start_at(&mut self, seq: Seq) {
        self.next = self.next.min(seq);
    }

    /// Skips segments later than a time by binary search, if many of them are unsealed.
    pub(super) async fn skip_to(&mut self, connection: &mut Handle, latest: Timestamp) -> Result<()> {
        let (mut low, mut high) = (segment_of(self.first_seq()), segment_of(self.next));
        if latest.0 == i64::MAX || high.saturating_sub(low) < MIN_SKIPPED + self.sealed.len() as u64 {
            return Ok(());
        }
        // Finds the last segment whose first message may be early enough.
        while low < high {
            let middle = low.midpoint(high) + (high - low) % 2;
            let at = store::sent_at(connection, &self.room, first_of(middle)).await?;
            if at.is_some_and(|at| at.0 > latest.0.saturating_add(SKEW_MS)) {
                high = middle - 1;
            } else {
                low = middle;
            }
        }
        self.start_at(Seq((low + 1) * SEGMENT_MESSAGES));
        Ok(())
    }

    /// Reads up to `step` texts and returns those that may match.
    pub(super) async fn advance(&mut self, db: &Db, criteria: &Criteria<'_>, step: usize) -> Result<Vec<SearchText>> {
        let segment = segment_of(self.next);
        let first = first_of(segment).max(self.first_seq());
        if !self.sealed.contains_key(&segment) {
            self.try_to_seal(db, segment).await;
        }
        let times = criteria.earliest..=criteria.latest;
        let wanted = TextQuery { limit: step, seqs: first..=self.next, from: criteria.from, times };
        let Some(sealed) = self.sealed.get(&segment).copied() else {
            let mut connection = db.acquire().await?;
            let texts = store::texts(&mut connection, &self.room, wanted, None).await?;
            let oldest = texts.last().filter(|_| texts.len() == step);
            match oldest {
                Some(oldest) => self.mark_read(oldest.seq, Some(oldest.created_at)),
                None if first == self.first_seq() => self.mark_read(first, None),
                // The texts read may be much later than the segment's beginning.
                None => self.mark_read(first, store::sent_at(&mut connection, &self.room, first).await?),
            }
            return Ok(texts);
        };
        if sealed.from_at > criteria.latest || sealed.to_at < criteria.earliest {
            self.mark_read(first, Some(sealed.from_at));
            return Ok(Vec::new());
        }
        if !self.candidates.contains_key(&segment) {
            self.read_bits(db, criteria, segment).await?;
            if !self.sealed.contains_key(&segment) {
                return Ok(Vec::new());
            }
        }
        let (some, whole) = self.candidates_from(sealed, step);
        let wanted = TextQuery { seqs: self.first_seq()..=self.next, ..wanted };
        let texts = store::texts(&mut *db.acquire().await?, &self.room, wanted, Some(&some)).await?;
        match some.last().filter(|_| some.len() == step) {
            Some(oldest) => self.mark_read(*oldest, texts.last().map(|text| text.created_at)),
            None => self.mark_read(first_of(whole.segment).max(self.first_seq()), Some(whole.from_at)),
        }
        Ok(texts)
    }

    /// Returns up to `step` candidates from this segment back, newest first, and the last segment covered, as far as consecutive sealed segments
    /// have their bits read.
    fn candidates_from(&self, mut sealed: SealedSegment, step: usize) -> (Vec<Seq>, SealedSegment) {
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

    fn first_seq(&self) -> Seq {
        self.room.visible_from_seq.max(Seq(1))
    }

    /// Records that everything from this seq on was read, down to this time.
    fn mark_read(&mut self, seq: Seq, at: Option<Timestamp>) {
        self.next = Seq(seq.0 - 1);
        if let Some(at) = at {
            self.latest = self.latest.min(Timestamp(at.0.saturating_add(SKEW_MS)));
        }
        let ends = self.next > Seq(0) && self.next.0.is_multiple_of(SEGMENT_MESSAGES);
        if let Some(next) = self.sealed.get(&segment_of(self.next)).filter(|_| ends) {
            self.latest = self.latest.min(next.to_at);
        }
    }

    /// Seals a full, unread segment. A failure only means that its texts are read.
    async fn try_to_seal(&mut self, db: &Db, segment: u64) {
        let full = Seq((segment + 1) * SEGMENT_MESSAGES) <= self.room.last_seq;
        if !(self.seals && full) {
            return;
        }
        match seal(db, self.room.room(), segment).await {
            Ok(Some(sealed)) => {
                self.sealed.insert(segment, sealed);
            }
            Ok(None) => self.seals = false,
            Err(error) => {
                tracing::warn!(error = error.causes(), "a segment stays unsealed");
                self.seals = false;
            }
        }
    }

    async fn read_bits(&mut self, db: &Db, criteria: &Criteria<'_>, from: u64) -> Result<()> {
        let in_time = |one: &&SealedSegment| one.from_at <= criteria.latest && one.to_at >= criteria.earliest;
        let ahead = self.sealed.range(..=from).rev().map(|(_, one)| one).filter(in_time).take(self.ahead);
        let mut segments: Vec<_> = ahead.map(|one| Candidates::all(one.segment)).collect();
        self.ahead = (self.ahead * 2).min(SEGMENTS_AHEAD.1);
        for bits in criteria.bits.chunks(BITS_AT_ONCE) {
            let left: Vec<u64> = segments.iter().filter(|one| !one.is_empty()).map(Candidates::segment).collect();
            let (sealed, slices) = store::slices(&mut *db.acquire().await?, &self.room, &left, bits, FOLDING).await?;
            // A message changed and unsealed the segment: its texts are read.
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
