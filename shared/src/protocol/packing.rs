//! Packs messages for sockets with `conchat.v2`: as many as fit into one `messages` frame.

use crate::protocol::frames::{Frame, MAX_FRAME};
use crate::protocol::messages::Message;

/// Bytes of a `messages` frame around its messages, and some more.
const ENVELOPE: usize = 64;

/// Packs each run of `message` frames into `messages` frames of at most 32 KB. Other frames stay between them, and so does a lone message.
pub fn pack(frames: &[Frame]) -> Vec<Frame> {
    let mut packing = Packing::default();
    for frame in frames {
        match frame {
            Frame::Message { message, .. } => packing.add(message),
            other => {
                packing.close();
                packing.packed.push(other.clone());
            }
        }
    }
    packing.close();
    packing.packed
}

#[derive(Default)]
struct Packing {
    packed: Vec<Frame>,
    run: Vec<Message>,
    /// Bytes of the run as JSON.
    size: usize,
}

impl Packing {
    fn add(&mut self, message: &Message) {
        // Serialising a message cannot fail; one without a size would travel alone.
        let size = serde_json::to_vec(message).map_or(MAX_FRAME, |text| text.len() + 1);
        if self.size + size + ENVELOPE > MAX_FRAME {
            self.close();
        }
        self.size += size;
        self.run.push(message.clone());
    }

    fn close(&mut self) {
        self.size = 0;
        let mut messages = std::mem::take(&mut self.run);
        match messages.len() {
            0 => {}
            1 => self.packed.extend(messages.pop().map(Frame::message)),
            _ => self.packed.push(Frame::Messages { messages }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{MessageId, Rev, RoomId, Seq, UserId};
    use crate::protocol::dialect::Dialect;
    use crate::protocol::messages::MessageKind;
    use crate::time::Timestamp;

    fn message(seq: u64, content: &str) -> Frame {
        Frame::message(Message {
            id: MessageId(seq),
            room_id: RoomId(7),
            seq: Seq(seq),
            rev: Rev(seq),
            kind: MessageKind::Text,
            event: None,
            sender_id: Some(UserId(3)),
            username: Some("ann".into()),
            content: content.into(),
            client_id: None,
            reply_to: None,
            forwarded: None,
            attachments: Vec::new(),
            reactions: Vec::new(),
            mentions: Vec::new(),
            edited_at: None,
            pinned_at: None,
            deleted_at: None,
            deleted_by: None,
            created_at: Timestamp(seq.cast_signed()),
        })
    }

    /// The seqs in a frame; none of a hint.
    fn seqs(frame: &Frame) -> Vec<u64> {
        match frame {
            Frame::Message { message, .. } => vec![message.seq.0],
            Frame::Messages { messages } => messages.iter().map(|message| message.seq.0).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn runs_of_messages_are_packed_in_order_and_other_frames_part_them() {
        let hint = Frame::Room { room_id: RoomId(7), rev: Rev(9) };
        let frames = [message(1, "a"), message(2, "b"), hint, message(4, "d")];
        let packed: Vec<_> = pack(&frames).iter().map(seqs).collect();
        assert_eq!(packed, [vec![1, 2], vec![], vec![4]]);
        assert!(matches!(pack(&frames)[2], Frame::Message { .. }), "one message needs no other form");
        assert!(pack(&[]).is_empty());
    }

    #[test]
    fn no_packed_frame_exceeds_the_limit_and_no_message_is_missing() {
        for length in [10, 900, 5_000, 16_000, 32_000, 40_000] {
            let frames: Vec<_> = (1..=40).map(|seq| message(seq, &"ü\"".repeat(length / 4))).collect();
            let packed = pack(&frames);
            assert_eq!(packed.iter().flat_map(seqs).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
            assert!(packed.iter().all(|frame| frame.encode(Dialect::Packed).len() <= MAX_FRAME), "{length}");
            let most = packed.iter().map(|frame| seqs(frame).len()).max();
            assert_eq!(most > Some(1), length < 20_000, "{length}: {most:?}");
        }
    }
}
