//! Sealing: the signatures of a full segment, turned so that each bit of all its messages is one row.

use crate::error::Result;
use crate::id::RoomId;
use crate::protocol::messages::MessageKind;
use crate::store::search::{self as store, SEGMENT, Sealed, Slice, Text};
use crate::store::{Db, Tx};

use super::signature::{BITS, Mark, Signature};

/// Seals a full segment, if it is not and may be. Its messages do not change meanwhile: they are locked.
pub(super) async fn seal(db: &Db, room: RoomId, segment: u64) -> Result<Option<Sealed>> {
    db.retrying(|| async {
        let mut tx = db.begin().await?;
        let outcome = store_segment(&mut tx, room, segment).await;
        tx.finish(outcome).await
    })
    .await
}

/// The messages of a segment that have every bit that was looked at so far.
pub(super) struct Candidates {
    segment: u64,
    bits: Vec<u8>,
}

impl Candidates {
    /// All of them, before any bit was looked at.
    pub(super) fn all(segment: u64) -> Self {
        Self { segment, bits: vec![0xff; bytes()] }
    }

    /// Only those that have these `asked` bits, too; the segment's rows of them are among `slices`.
    pub(super) fn narrow(&mut self, asked: usize, slices: &[Slice]) {
        let mut seen = 0;
        for slice in slices.iter().filter(|slice| slice.segment == self.segment) {
            seen += 1;
            for (both, byte) in self.bits.iter_mut().zip(&slice.bits) {
                *both &= byte;
            }
        }
        // A bit without a row is one that no message has.
        if seen < asked {
            self.bits.fill(0);
        }
    }

    /// The segment.
    pub(super) fn segment(&self) -> u64 {
        self.segment
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.bits.iter().all(|byte| *byte == 0)
    }

    /// Their seqs.
    pub(super) fn seqs(&self) -> Vec<u64> {
        let first = self.segment * SEGMENT + 1;
        (0..SEGMENT).filter(|index| self.bits[byte(*index)] & (1 << (index % 8)) != 0).map(|index| first + index).collect()
    }
}

/// What a message has besides its letters.
pub(super) fn marks(text: &Text) -> impl Iterator<Item = Mark> {
    let kind = match text.kind {
        MessageKind::Image => Some(Mark::Image),
        MessageKind::File => Some(Mark::File),
        MessageKind::Text | MessageKind::System => None,
    };
    let sender = text.sender.map(|user| Mark::From(user.0));
    [kind, sender, has_link(&text.content).then_some(Mark::Link)].into_iter().flatten()
}

/// Whether a text has something to click on.
fn has_link(content: &str) -> bool {
    ["http://", "https://", "www."]
        .iter()
        .any(|begin| content.as_bytes().windows(begin.len()).any(|part| part.eq_ignore_ascii_case(begin.as_bytes())))
}

async fn store_segment(tx: &mut Tx<'_>, room: RoomId, segment: u64) -> Result<Option<Sealed>> {
    let Some(texts) = store::open(tx, room, segment).await? else { return Ok(None) };
    let times = texts.iter().map(|text| text.created_at);
    let (Some(from_at), Some(to_at)) = (times.clone().min(), times.max()) else { return Ok(None) };
    let sealed = Sealed { room, segment, from_at, to_at };
    store::seal(tx, sealed, &slices(segment, &texts)).await?;
    Ok(Some(sealed))
}

fn slices(segment: u64, texts: &[Text]) -> Vec<Slice> {
    let mut bits = vec![Vec::new(); BITS];
    for text in texts {
        let index = text.seq.saturating_sub(segment * SEGMENT + 1);
        for bit in Signature::of(&text.content, marks(text)).bits() {
            let slice = &mut bits[usize::from(bit)];
            slice.resize(bytes(), 0);
            slice[byte(index)] |= 1 << (index % 8);
        }
    }
    let numbered = (0_u16..).zip(bits).filter(|(_, bits)| !bits.is_empty());
    numbered.map(|(number, bits)| Slice { segment, number, bits }).collect()
}

fn bytes() -> usize {
    byte(SEGMENT)
}

fn byte(index: u64) -> usize {
    usize::try_from(index / 8).unwrap_or_default()
}
