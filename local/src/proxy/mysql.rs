//! Detects commits in MySQL's protocol: parses the client's packets, which may hold several statements, and the server's responses.

/// `COM_QUERY`: statements as text.
const COM_QUERY: u8 = 3;
/// First byte of the response to a statement without rows.
const OK_PACKET: u8 = 0;
/// Longer packets hold no commit.
const MAX_TEXT: usize = 256 << 10;

/// Tracks one connection.
#[derive(Debug, Default)]
pub(super) struct CommitDetector {
    client: Packets,
    server: Packets,
    /// Responses until that of a commit, it included; zero while none is expected.
    awaiting: usize,
}

impl CommitDetector {
    /// Processes bytes sent to the server.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        let Self { client, server, awaiting } = self;
        client.read(bytes, MAX_TEXT, |packet| {
            *awaiting = position_of_commit(packet).unwrap_or_default();
            *server = Packets::default();
        });
    }

    /// Processes bytes of the server; returns whether they confirm a commit.
    pub(super) fn answered(&mut self, bytes: &[u8]) -> bool {
        let Self { server, awaiting, .. } = self;
        let mut is_confirmed = false;
        server.read(bytes, 1, |packet| {
            match *awaiting {
                0 => {}
                // An error, or rows, which no statement before a commit returns here.
                _ if packet.first() != Some(&OK_PACKET) => *awaiting = 0,
                responses => {
                    *awaiting = responses - 1;
                    is_confirmed |= responses == 1;
                }
            }
        });
        is_confirmed
    }
}

/// Parses a stream of packets.
#[derive(Debug, Default)]
struct Packets {
    /// Header and payload of the current packet, as far as they are kept.
    packet: Vec<u8>,
    /// Remaining bytes of the current packet that are skipped.
    rest: usize,
}

impl Packets {
    /// Calls `each` with the first bytes of every complete payload, at most `most`.
    fn read(&mut self, mut bytes: &[u8], most: usize, mut each: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            let passed = self.rest.min(bytes.len());
            self.rest -= passed;
            bytes = &bytes[passed..];
            let needed = 4 + self.length().map_or(0, |length| length.min(most));
            let taken = (needed - self.packet.len()).min(bytes.len());
            self.packet.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if let Some(length) = self.length()
                && self.packet.len() == 4 + length.min(most)
            {
                each(&self.packet[4..]);
                self.rest = length.saturating_sub(most);
                self.packet.clear();
            }
        }
    }

    fn length(&self) -> Option<usize> {
        match self.packet[..] {
            [low, middle, high, _, ..] => Some(usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16),
            _ => None,
        }
    }
}

/// The position of a `COMMIT` among the statements of a packet, from 1. Text in quotes is no statement.
fn position_of_commit(packet: &[u8]) -> Option<usize> {
    let (COM_QUERY, text) = packet.split_first().map(|(kind, text)| (*kind, text))? else { return None };
    let (mut quote, mut escaped) = (None, false);
    let mut statements = text.split(|byte| {
        let is_quote = matches!(byte, b'\'' | b'"' | b'`') && !escaped;
        escaped = *byte == b'\\' && !escaped && quote.is_some();
        match quote {
            None if is_quote => quote = Some(*byte),
            Some(open) if is_quote && open == *byte => quote = None,
            _ => {}
        }
        *byte == b';' && quote.is_none()
    });
    statements.position(|statement| statement.trim_ascii().eq_ignore_ascii_case(b"commit")).map(|position| position + 1)
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
    fn a_commit_among_other_statements_counts_with_its_own_response() {
        let batch =
            packet(b"\x03insert into t values (x'3b', '; commit;', \"\\\"; commit\"); update t set a = 1; COMMIT; select 1");
        let mut commits = CommitDetector::default();
        commits.sent(&batch);
        assert!(!commits.answered(&FINE), "of the insert");
        assert!(!commits.answered(&FINE), "of the update");
        assert!(commits.answered(&FINE), "of the commit");
        assert!(!commits.answered(&[1, 0, 0, 1, 1]), "of the read");
        commits.sent(&batch);
        assert!(commits.answered(&[FINE, FINE, FINE].concat()), "all at once");
        commits.sent(&batch);
        let refused = [9, 0, 0, 1, 0xff, 1, 2, 3, 4, 5, 6, 7, 8];
        assert!(!commits.answered(&[&FINE[..], &refused, &FINE, &FINE].concat()), "after a refusal nothing is committed");
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
