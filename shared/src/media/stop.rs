//! Work that ends in time: a decoder reads through a reader that fails once its time is over, or once nobody waits for it any more. Without that
//! its thread would go on after the request was answered.

use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::picture::Flaw;

/// So many reads pass between two looks at the clock at most: a decoder reads a few bytes at a time.
const READS: u32 = 64;
/// And so many bytes, which may stand for megabytes of pixels; no more are shown to a decoder at once.
const BYTES: usize = 4096;

/// When work has to end.
#[derive(Debug)]
pub struct Stop {
    at: Instant,
    left: AtomicBool,
}

/// Whoever waits for the work. Dropped, it ends the work.
#[derive(Debug)]
pub struct Waiting(Arc<Stop>);

impl Stop {
    /// At this time.
    pub fn at(at: Instant) -> Arc<Self> {
        Arc::new(Self { at, left: AtomicBool::new(false) })
    }

    /// Sooner, if what this gives is dropped before.
    pub fn or_when_dropped(self: &Arc<Self>) -> Waiting {
        Waiting(self.clone())
    }

    /// The time.
    pub fn time(&self) -> Instant {
        self.at
    }

    /// Whether the work may go on.
    pub(super) fn check(&self) -> Result<(), Flaw> {
        if self.left.load(Ordering::Relaxed) || Instant::now() >= self.at { Err(Flaw::OutOfTime) } else { Ok(()) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.left.store(true, Ordering::Relaxed);
    }
}

/// Bytes that can be read until then.
pub(super) struct Timed<'a> {
    bytes: &'a [u8],
    at: usize,
    stop: &'a Stop,
    /// When the clock is looked at next: after so many reads, or from there on.
    reads: u32,
    from: usize,
}

impl<'a> Timed<'a> {
    /// From their beginning.
    pub(super) fn new(bytes: &'a [u8], stop: &'a Stop) -> Self {
        Self { bytes, at: 0, stop, reads: 0, from: 0 }
    }

    fn check(&mut self) -> io::Result<()> {
        if self.reads == 0 || self.at >= self.from {
            (self.reads, self.from) = (READS, self.at.saturating_add(BYTES));
            self.stop.check().map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        }
        self.reads -= 1;
        Ok(())
    }

    fn left(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let left = self.left();
        let taken = left.len().min(into.len());
        into[..taken].copy_from_slice(&left[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

impl BufRead for Timed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        let left = self.left();
        Ok(&left[..left.len().min(BYTES)])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Seek for Timed<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => usize::try_from(at).ok(),
            SeekFrom::End(by) => isize::try_from(by).ok().and_then(|by| self.bytes.len().checked_add_signed(by)),
            SeekFrom::Current(by) => isize::try_from(by).ok().and_then(|by| self.at.checked_add_signed(by)),
        };
        self.at = to.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn reading_ends_with_the_time_and_with_whoever_waits() {
        let in_time = Stop::at(Instant::now() + Duration::from_mins(1));
        let waiting = in_time.or_when_dropped();
        let mut reader = Timed::new(b"abcdef", &in_time);
        let mut two = [0; 2];
        reader.read_exact(&mut two).expect("there is time");
        assert_eq!((two, reader.seek(SeekFrom::End(-1)).ok(), reader.fill_buf().ok()), (*b"ab", Some(5), Some(&b"f"[..])));
        assert!(reader.seek(SeekFrom::Current(-9)).is_err());
        drop(waiting);
        let failed = (0..=READS).find_map(|_| reader.read(&mut two).err());
        assert_eq!(failed.map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
        let over = Stop::at(Instant::now());
        assert!(Timed::new(b"abcdef", &over).read(&mut two).is_err());
    }
}
