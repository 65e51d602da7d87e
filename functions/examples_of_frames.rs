//! An example of each frame for `asyncapi.json`, built from the real types and taken from one short conversation.

use serde_json::value::RawValue;
use shared::id::{ConnectionId, MessageId, Rev, RoomId, Seq, UploadId, UserId};
use shared::protocol::answers::{Ack, Refusal};
use shared::protocol::frames::{Changed, Frame};
use shared::protocol::friends::{Direction, FriendState, Friendship};
use shared::protocol::invitations::{Invitation, InvitedRoom};
use shared::protocol::messages::{Attachment, AttachmentKind, Message, MessageKind, Reaction, ReactionChange, Reply};
use shared::protocol::people::{Me, MySettings, Person, Presence, User};
use shared::protocol::receipts::Receipt;
use shared::protocol::rooms::{AllowedRole, Member, Role, Room, RoomKind, RoomProfile, Settings};
use shared::protocol::sync::{MemberChange, MemberState, RoomSync};
use shared::protocol::uploads::{Purpose, Upload, UploadState};
use shared::time::Timestamp;

const ROOM: RoomId = RoomId(7);
const ANN: UserId = UserId(3);
const BOB: UserId = UserId(4);
const SEQ: Seq = Seq(42);
const REV: Rev = Rev(57);
const NOW: Timestamp = Timestamp(1_767_323_045_678);

/// The examples; at least one per variant of [`Frame`].
pub(crate) fn frames() -> Vec<Frame> {
    let (room_id, seq, rev, private_rev) = (ROOM, SEQ, REV, Rev(12));
    let name = || RawValue::from_string("1".into()).ok();
    let friend = |state| Box::new(friendship(state));
    vec![
        Frame::message(message()),
        Frame::Messages { messages: vec![text(SEQ, REV, "Hello!"), text(SEQ.next(), REV.next(), "Lunch?")] },
        Frame::message_edited(Message { edited_at: Some(NOW), content: "Hello, all!".into(), ..message() }),
        Frame::MessageUnsent { room_id, seq, rev, deleted_at: NOW, deleted_by: ANN },
        Frame::MessagePinned { room_id, seq, rev, pinned_at: Some(NOW), user_id: ANN },
        Frame::MessageHidden { room_id, seq, private_rev },
        Frame::Reaction(ReactionChange { room_id, seq, rev, emoji: "👍".into(), user_id: BOB, added: true, count: 2 }),
        Frame::Room { room_id, rev },
        Frame::RoomChanged { room_id, rev, room: Box::new(facts()) },
        Frame::RoomSeen {
            room_id,
            rev,
            room: Box::new(Room { muted_until: Some(NOW.plus_seconds(3600)), ..room() }),
            private_rev: Some(private_rev),
        },
        Frame::RoomDeleted { room_id },
        Frame::RoomJoined { room: Box::new(room()), private_rev: None },
        Frame::RoomLeft { room_id },
        Frame::RoomInvited(Box::new(invitation())),
        Frame::RoomUninvited { room_id },
        Frame::RoomClosed { room_id, last_seq: seq, private_rev },
        Frame::MemberAdded { room_id, rev, member: Box::new(member(Role::Member)) },
        Frame::MemberUpdated { room_id, rev, member: Box::new(member(Role::Admin)) },
        Frame::MemberRemoved { room_id, rev, user_id: BOB },
        Frame::Receipt(Receipt { room_id, user_id: BOB, read_seq: seq, delivered_seq: seq, unread: Some(0) }),
        Frame::Typing { room_id, user_id: BOB, username: "bob".into(), active: true },
        Frame::Presence { user_id: BOB, presence: Presence { online: Some(false), last_seen: Some(NOW) }, ts: NOW.0 },
        Frame::UserUpdated { profile: Box::new(user(BOB, "bob")), ts: NOW.0, me: None, private_rev: None },
        Frame::UserBlocked { user_id: BOB, blocked: true, private_rev },
        Frame::FriendRequest(friend(FriendState::Pending)),
        Frame::FriendAccepted(friend(FriendState::Accepted)),
        Frame::FriendRemoved { user_id: BOB },
        Frame::UploadReady { upload: Box::new(upload()) },
        Frame::Sync { id: name(), sync: Box::new(sync()) },
        Frame::CatchUp {
            id: name(),
            rooms: vec![sync()],
            left: vec![RoomId(8)],
            changed: vec![Changed { room_id: RoomId(9), rev: REV }],
        },
        Frame::Welcome {
            id: name(),
            user: Box::new(me()),
            connection_id: ConnectionId("L0SM9cOFvHcCIhw=".into()),
            rooms: vec![room()],
            complete: true,
            invited: Vec::new(),
            online: Some(vec![BOB]),
            server_time: NOW,
            reconnect_before: NOW.plus_seconds(7_000),
            private_rev,
            cursor: "MTc2NzMyMzAzNTY3OC4xMg".into(),
        },
        Frame::Ack(Ack {
            id: name(),
            room_id: Some(room_id),
            seq: Some(seq),
            rev: Some(rev),
            message_id: Some(MessageId(9001)),
            client_id: Some("c-7".into()),
        }),
        Frame::Error(Refusal {
            id: name(),
            client_id: Some("c-7".into()),
            code: "rate_limited",
            detail: "Too many requests. Try again in 3 s.".into(),
            request_id: "JKJaXmPLvHcESHA=".into(),
            retry_after: Some(3),
        }),
        Frame::Pong {
            id: name(),
            ts: NOW.0,
            changed: vec![Changed { room_id, rev }],
            complete: true,
            private_rev: Some(private_rev),
        },
        Frame::Bye { code: "session_ended", reason: "The session has ended. Log in again.", resume: false },
    ]
}

fn user(id: UserId, name: &str) -> User {
    let mut display_name = name.to_owned();
    display_name[..1].make_ascii_uppercase();
    User {
        id,
        username: name.to_owned(),
        display_name,
        name_keys: vec!["6ec3a1b7c20d4f95".into()],
        about: String::new(),
        avatar_url: None,
        created_at: NOW,
    }
}

fn me() -> Me {
    Me { user: user(ANN, "ann"), email: Some("ann@example.com".into()), role: "user".into(), settings: MySettings::default() }
}

fn message() -> Message {
    Message {
        id: MessageId(9001),
        room_id: ROOM,
        seq: SEQ,
        rev: REV,
        kind: MessageKind::Image,
        event: None,
        sender_id: Some(ANN),
        username: Some("ann".into()),
        content: "Hello, world!".into(),
        client_id: Some("c-7".into()),
        reply_to: Some(Reply {
            seq: Seq(40),
            username: Some("bob".into()),
            kind: MessageKind::Text,
            preview: "Where are you?".into(),
        }),
        forwarded: None,
        attachments: vec![Attachment {
            upload_id: UploadId(5),
            kind: AttachmentKind::Image,
            file_name: "beach.jpg".into(),
            content_type: "image/jpeg".into(),
            size: 482_113,
            width: Some(1600),
            height: Some(1200),
            duration: None,
            placeholder: Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj".into()),
            url: "/api/uploads/5/content".into(),
            thumbnail_url: Some("/api/uploads/5/thumbnail".into()),
        }],
        reactions: vec![Reaction { emoji: "👍".into(), count: 1, mine: None }],
        mentions: vec![BOB],
        edited_at: None,
        pinned_at: None,
        deleted_at: None,
        deleted_by: None,
        created_at: NOW,
    }
}

/// A message without anything beside its text.
fn text(seq: Seq, rev: Rev, content: &str) -> Message {
    let id = MessageId(9000 + seq.0);
    let (kind, content, client_id) = (MessageKind::Text, content.to_owned(), Some(format!("c-{seq}")));
    let (attachments, reactions, mentions, reply_to) = (Vec::new(), Vec::new(), Vec::new(), None);
    Message { id, seq, rev, kind, content, client_id, attachments, reactions, mentions, reply_to, ..message() }
}

fn invitation() -> Invitation {
    let (name, avatar_url) = ("Lunch".into(), None);
    let room = InvitedRoom { id: ROOM, kind: RoomKind::Group, name, avatar_url, members_count: 3 };
    Invitation { room, inviter: user(BOB, "bob"), invited_at: NOW }
}

fn facts() -> RoomProfile {
    RoomProfile { name: "Lunch".into(), topic: "Where, today?".into(), avatar_url: None, settings: settings() }
}

fn settings() -> Settings {
    Settings {
        archived: false,
        slow_mode_seconds: 0,
        who_writes: AllowedRole::Members,
        who_adds: AllowedRole::Members,
        past_members_read: false,
        count_system_messages: false,
    }
}

fn room() -> Room {
    Room {
        id: ROOM,
        kind: RoomKind::Group,
        slug: None,
        name: "Lunch".into(),
        topic: String::new(),
        avatar_url: None,
        created_at: NOW,
        joined: true,
        role: Some(Role::Owner),
        members_count: 2,
        direct_user: None,
        last_seq: SEQ,
        rev: REV,
        active_at: NOW,
        last_message: Some(message()),
        read_seq: Some(SEQ),
        unread: 0,
        mentions: 0,
        muted_until: None,
        blocked: false,
        closed: false,
        settings: settings(),
    }
}

fn member(role: Role) -> Member {
    Member { user: user(BOB, "bob"), role, joined_at: NOW, read_seq: None, delivered_seq: None }
}

fn friendship(state: FriendState) -> Friendship {
    let accepted_at = (state == FriendState::Accepted).then_some(NOW);
    let presence = (state == FriendState::Accepted).then_some(Presence { online: Some(true), last_seen: None });
    let user = Person { user: user(BOB, "bob"), presence };
    Friendship { user, state, direction: Direction::In, requested_at: NOW, accepted_at }
}

fn upload() -> Upload {
    Upload {
        upload_id: UploadId(5),
        purpose: Purpose::Image,
        state: UploadState::Ready,
        file_name: "beach.jpg".into(),
        content_type: "image/jpeg".into(),
        size: 482_113,
        width: Some(1600),
        height: Some(1200),
        duration: None,
        placeholder: Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj".into()),
        reason: None,
        url: Some("/api/uploads/5/content".into()),
        thumbnail_url: Some("/api/uploads/5/thumbnail".into()),
        created_at: NOW,
    }
}

fn sync() -> RoomSync {
    let left = MemberChange {
        user_id: BOB,
        user: user(BOB, "bob"),
        state: MemberState::Left,
        role: Role::Member,
        joined_at: NOW,
        read_seq: Some(SEQ),
        delivered_seq: Some(SEQ),
        rev: REV,
    };
    RoomSync { room_id: ROOM, room: room(), messages: vec![message()], members: vec![left], rev: REV, more: false }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;
    use shared::protocol::dialect::Dialect;
    use shared::push::Encoded;
    use shared::push::shards::ShardPayload;

    use super::*;

    /// Legacy clients decode every frame into one type: absent fields stay empty and unknown ones are ignored, but a value of another type closes
    /// their socket.
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read is of interest")]
    struct InMemory {
        r#type: Option<String>,
        room_id: Option<u64>,
        sender_id: Option<u64>,
        username: Option<String>,
        content: Option<String>,
        ts: Option<i64>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read is of interest")]
    struct Realtime {
        r#type: Option<String>,
        data: Option<RealtimeData>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read is of interest")]
    struct RealtimeData {
        room_id: Option<String>,
        content: Option<String>,
        file_url: Option<String>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read is of interest")]
    struct Services {
        user: Option<String>,
        message: Option<String>,
    }

    /// Frames that legacy clients never receive: `welcome` answers `hello`, and friendships require a newer client. Their documentation lists only
    /// messages, in which `user` is a string.
    const BEYOND: [&str; 3] = ["welcome", "friend.request", "friend.accepted"];

    #[test]
    fn no_frame_ends_the_socket_of_an_older_client() {
        for frame in frames() {
            let frame: Value = serde_json::from_slice(&frame.encode(Dialect::Full)).unwrap_or_default();
            let kind = frame["type"].as_str().unwrap_or_default().to_owned();
            assert!(InMemory::deserialize(&frame).is_ok(), "{frame}");
            assert!(Realtime::deserialize(&frame).is_ok(), "{frame}");
            assert_eq!(Services::deserialize(&frame).is_ok(), !BEYOND.contains(&kind.as_str()), "{frame}");
        }
    }
    /// Collects the strings in a value with their keys.
    fn texts(key: &str, value: &Value) -> Vec<(String, String)> {
        match value {
            Value::String(text) => vec![(key.to_owned(), text.clone())],
            Value::Array(items) => items.iter().flat_map(|item| texts(key, item)).collect(),
            Value::Object(fields) => fields.iter().flat_map(|(key, item)| texts(key, item)).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn payloads_contain_no_user_content_or_names() {
        let mut kinds = 0;
        for frame in frames() {
            let encoded = Encoded { lean: frame.encode(Dialect::Lean), full: frame.encode(Dialect::Full) };
            let Some(what) = ShardPayload::of(&frame, &encoded) else { continue };
            let found = match &what {
                ShardPayload::Frame { lean, full } => {
                    let frames = [lean, full].map(|text| serde_json::from_str(text).expect("a frame"));
                    texts("", &Value::Array(frames.into()))
                }
                other => texts("", &serde_json::to_value(other).expect("JSON")),
            };
            for (key, text) in found {
                let time = text.len() == 24 && text.ends_with('Z');
                assert!(key == "type" || time || key == "emoji" && !text.is_ascii(), "{key}: {text} in {what:?}");
            }
            kinds += 1;
        }
        assert!(kinds > 15, "{kinds}");
    }
}
