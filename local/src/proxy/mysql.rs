//! As much of MySQL's protocol as it takes to see a `COMMIT` go by: packets from the client, and whether the answer to one is an OK.

/// `COM_QUERY`: a statement as text.
const QUERY: u8 = 3;
/// What the answer to a statement without rows begins with.
const OK: u8 = 0;
/// Longer than a `COMMIT` with all its spaces.
const KEPT: usize = 32;

/// Follows one connection.
#[derive(Debug, Default)]
pub(super) struct Commits {
    packet: Vec<u8>,
    /// Bytes of the present packet that are still to come and that nobody looks at.
    rest: usize,
    asked: bool,
}

impl Commits {
    /// Bytes on their way to the server.
    pub(super) fn sent(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let passed = self.rest.min(bytes.len());
            self.rest -= passed;
            bytes = &bytes[passed..];
            let wanted = match self.length() {
                Some(length) => (4 + length).min(4 + KEPT),
                None => 4,
            };
            let taken = (wanted - self.packet.len()).min(bytes.len());
            self.packet.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if let Some(length) = self.length()
                && self.packet.len() >= (4 + length).min(4 + KEPT)
            {
                self.asked = length <= KEPT && is_commit(&self.packet[4..]);
                self.rest = length.saturating_sub(KEPT);
                self.packet.clear();
            }
        }
    }

    /// Bytes on their way back: whether they say that a commit has taken place.
    pub(super) fn answered(&mut self, bytes: &[u8]) -> bool {
        std::mem::take(&mut self.asked) && bytes.get(4) == Some(&OK)
    }

    fn length(&self) -> Option<usize> {
        match self.packet[..] {
            [low, middle, high, _, ..] => Some(usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16),
            _ => None,
        }
    }
}

fn is_commit(payload: &[u8]) -> bool {
    payload.split_first().is_some_and(|(kind, text)| *kind == QUERY && text.trim_ascii().eq_ignore_ascii_case(b"commit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        [&[length[0], length[1], length[2], 0], payload].concat()
    }

    const FINE: [u8; 11] = [7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];

    #[test]
    fn a_commit_counts_when_it_is_answered_with_ok() {
        let mut commits = Commits::default();
        commits.sent(&packet(b"\x03COMMIT"));
        assert!(commits.answered(&FINE));
        assert!(!commits.answered(&FINE), "once");
        commits.sent(&packet(b"\x03commit "));
        assert!(!commits.answered(&[9, 0, 0, 1, 0xff, 1, 2]));
        for other in [&b"\x03ROLLBACK"[..], b"\x16COMMIT", b"\x03INSERT INTO t VALUES ('COMMIT')", b"", &[3; 100]] {
            commits.sent(&packet(other));
            assert!(!commits.answered(&FINE), "{other:?}");
        }
    }

    #[test]
    fn packets_may_come_in_pieces_and_several_at_once() {
        let all = [packet(&vec![b'x'; 70_000]), packet(b""), packet(b"\x03SELECT 1"), packet(b"\x03COMMIT")].concat();
        for size in [1, 3, 7, 4096, all.len()] {
            let mut commits = Commits::default();
            all.chunks(size).for_each(|piece| commits.sent(piece));
            assert!(commits.answered(&FINE), "in pieces of {size}");
        }
    }
}
