//! Sealed segments: the signatures of a full segment, transposed so that each bit of all its messages is one row.

use crate::error::Result;
use crate::id::{RoomId, Seq};
use crate::protocol::messages::MessageKind;
use crate::store::search_index::{self as store, BitSlice, SEGMENT_MESSAGES, SealedSegment, SearchText};
use crate::store::{Db, Tx};

use super::signature::{Attribute, BITS, FOLDING, Signature};

/// Seals a full segment unless it is sealed with this version of the bits or must not be. Its messages are locked meanwhile.
pub(super) async fn seal(db: &Db, room: RoomId, segment: u64) -> Result<Option<SealedSegment>> {
    db.retrying(|| async {
        let mut tx = db.begin().await?;
        let outcome = store_segment(&mut tx, room, segment).await;
        tx.finish(outcome).await
    })
    .await
}

/// The messages of a segment that have every bit checked so far.
pub(super) struct Candidates {
    segment: u64,
    bits: Vec<u8>,
}

impl Candidates {
    /// All messages of the segment.
    pub(super) fn all(segment: u64) -> Self {
        Self { segment, bits: vec![0xff; segment_bytes()] }
    }

    /// Keeps only messages that have these `asked` bits, too. `slices` contains the segment's rows.
    pub(super) fn narrow(&mut self, bits: usize, slices: &[BitSlice]) {
        let mut seen = 0;
        for slice in slices.iter().filter(|slice| slice.segment == self.segment) {
            seen += 1;
            for (both, byte) in self.bits.iter_mut().zip(&slice.bits) {
                *both &= byte;
            }
        }
        // A bit without a row is set in no message.
        if seen < bits {
            self.bits.fill(0);
        }
    }

    pub(super) fn segment(&self) -> u64 {
        self.segment
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bits.iter().all(|byte| *byte == 0)
    }

    pub(super) fn seqs(&self) -> Vec<Seq> {
        let Seq(first) = first_of(self.segment);
        (0..SEGMENT_MESSAGES)
            .filter(|index| self.bits[byte_index(*index)] & (1 << (index % 8)) != 0)
            .map(|index| Seq(first + index))
            .collect()
    }
}

/// Returns the attributes of a message besides its words.
pub(super) fn attributes(text: &SearchText) -> impl Iterator<Item = Attribute> {
    let kind = match text.kind {
        MessageKind::Image => Some(Attribute::Image),
        MessageKind::File => Some(Attribute::File),
        MessageKind::Text | MessageKind::System => None,
    };
    let sender = text.sender.map(|user| Attribute::From(user.0));
    [kind, sender, has_link(&text.content).then_some(Attribute::Link)].into_iter().flatten()
}

fn has_link(content: &str) -> bool {
    ["http://", "https://", "www."]
        .iter()
        .any(|begin| content.as_bytes().windows(begin.len()).any(|part| part.eq_ignore_ascii_case(begin.as_bytes())))
}

async fn store_segment(tx: &mut Tx<'_>, room: RoomId, segment: u64) -> Result<Option<SealedSegment>> {
    let Some(texts) = store::lock_unsealed(tx, room, segment, FOLDING).await? else { return Ok(None) };
    let times = texts.iter().map(|text| text.created_at);
    let (Some(from_at), Some(to_at)) = (times.clone().min(), times.max()) else { return Ok(None) };
    let sealed = SealedSegment { room, segment, from_at, to_at };
    store::seal(tx, sealed, FOLDING, &transpose(segment, &texts)).await?;
    Ok(Some(sealed))
}

fn transpose(segment: u64, texts: &[SearchText]) -> Vec<BitSlice> {
    let mut bits = vec![Vec::new(); BITS];
    for text in texts {
        let index = text.seq.0.saturating_sub(first_of(segment).0);
        let searched = std::iter::once(&text.content).chain(&text.file_names).map(String::as_str);
        for bit in Signature::of(searched, attributes(text)).bits() {
            let slice = &mut bits[usize::from(bit)];
            slice.resize(segment_bytes(), 0);
            slice[byte_index(index)] |= 1 << (index % 8);
        }
    }
    let numbered = (0_u16..).zip(bits).filter(|(_, bits)| !bits.is_empty());
    numbered.map(|(number, bits)| BitSlice { segment, number, bits }).collect()
}

/// Returns the seq of a segment's first message.
pub(super) fn first_of(segment: u64) -> Seq {
    Seq(segment * SEGMENT_MESSAGES + 1)
}

fn segment_bytes() -> usize {
    byte_index(SEGMENT_MESSAGES)
}

fn byte_index(index: u64) -> usize {
    usize::try_from(index / 8).unwrap_or_default()
}
