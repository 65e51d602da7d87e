//! Deadlines for blocking work: a decoder uses a reader that fails at the deadline or when its caller is gone. Otherwise its thread would outlive the
//! request.

use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::PictureError;

/// Maximum reads between two checks of the clock: decoders read a few bytes at a time.
const READS: u32 = 64;
/// Maximum bytes between two checks, since few bytes can stand for megabytes of pixels; also the size of the buffer shown to a decoder.
const BYTES: usize = 4096;

#[derive(Debug)]
pub struct Deadline {
    at: Instant,
    left: AtomicBool,
}

/// Cancels the work when dropped.
#[derive(Debug)]
pub struct CancelOnDrop(Arc<Deadline>);

impl Deadline {
    pub fn at(at: Instant) -> Arc<Self> {
        Arc::new(Self { at, left: AtomicBool::new(false) })
    }

    /// Returns a guard that ends the work when it is dropped.
    pub fn cancel_on_drop(self: &Arc<Self>) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    pub fn time(&self) -> Instant {
        self.at
    }

    /// Fails when the work must end.
    pub(crate) fn check(&self) -> Result<(), PictureError> {
        if self.left.load(Ordering::Relaxed) || Instant::now() >= self.at { Err(PictureError::OutOfTime) } else { Ok(()) }
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.left.store(true, Ordering::Relaxed);
    }
}

/// A reader that fails at the deadline.
pub(crate) struct DeadlineReader<'a> {
    bytes: &'a [u8],
    at: usize,
    stop: &'a Deadline,
    /// The next check of the clock: after this many reads, or from this position on.
    reads: u32,
    from: usize,
}

impl<'a> DeadlineReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], stop: &'a Deadline) -> Self {
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

impl Read for DeadlineReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let left = self.left();
        let taken = left.len().min(into.len());
        into[..taken].copy_from_slice(&left[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

impl BufRead for DeadlineReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        let left = self.left();
        Ok(&left[..left.len().min(BYTES)])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Seek for DeadlineReader<'_> {
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
    fn reading_ends_at_the_deadline_and_when_the_caller_is_gone() {
        let in_time = Deadline::at(Instant::now() + Duration::from_mins(1));
        let waiting = in_time.cancel_on_drop();
        let mut reader = DeadlineReader::new(b"abcdef", &in_time);
        let mut two = [0; 2];
        reader.read_exact(&mut two).expect("there is time");
        assert_eq!((two, reader.seek(SeekFrom::End(-1)).ok(), reader.fill_buf().ok()), (*b"ab", Some(5), Some(&b"f"[..])));
        assert!(reader.seek(SeekFrom::Current(-9)).is_err());
        drop(waiting);
        let failed = (0..=READS).find_map(|_| reader.read(&mut two).err());
        assert_eq!(failed.map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
        let over = Deadline::at(Instant::now());
        assert!(DeadlineReader::new(b"abcdef", &over).read(&mut two).is_err());
    }
}
