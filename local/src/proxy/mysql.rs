//! Detects `COMMIT` in MySQL's protocol: parses the client's packets and checks the response for OK.

/// `COM_QUERY`: a statement as text.
const COM_QUERY: u8 = 3;
/// First byte of the response to a statement without rows.
const OK_PACKET: u8 = 0;
/// More than the length of a `COMMIT` with surrounding spaces.
const MAX_STATEMENT: usize = 32;

/// Tracks one connection.
#[derive(Debug, Default)]
pub(super) struct CommitDetector {
    packet: Vec<u8>,
    /// Remaining bytes of the current packet that are skipped.
    rest: usize,
    awaiting_reply: bool,
}

impl CommitDetector {
    /// Processes bytes sent to the server.
    pub(super) fn sent(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let passed = self.rest.min(bytes.len());
            self.rest -= passed;
            bytes = &bytes[passed..];
            let needed = match self.length() {
                Some(length) => (4 + length).min(4 + MAX_STATEMENT),
                None => 4,
            };
            let taken = (needed - self.packet.len()).min(bytes.len());
            self.packet.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if let Some(length) = self.length()
                && self.packet.len() >= (4 + length).min(4 + MAX_STATEMENT)
            {
                self.awaiting_reply = length <= MAX_STATEMENT && is_commit(&self.packet[4..]);
                self.rest = length.saturating_sub(MAX_STATEMENT);
                self.packet.clear();
            }
        }
    }

    /// Processes bytes of the server; returns whether they confirm a commit.
    pub(super) fn answered(&mut self, bytes: &[u8]) -> bool {
        std::mem::take(&mut self.awaiting_reply) && bytes.get(4) == Some(&OK_PACKET)
    }

    fn length(&self) -> Option<usize> {
        match self.packet[..] {
            [low, middle, high, _, ..] => Some(usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16),
            _ => None,
        }
    }
}

fn is_commit(payload: &[u8]) -> bool {
    payload.split_first().is_some_and(|(kind, text)| *kind == COM_QUERY && text.trim_ascii().eq_ignore_ascii_case(b"commit"))
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
        let mut commits = CommitDetector::default();
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
            let mut commits = CommitDetector::default();
            all.chunks(size).for_each(|piece| commits.sent(piece));
            assert!(commits.answered(&FINE), "in pieces of {size}");
        }
    }
}
