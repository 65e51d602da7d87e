/**
 * The wire: what HTTP answers and what frames carry, as types. Nothing here runs.
 *
 * @typedef {"direct" | "group" | "public"} RoomKind
 * @typedef {"member" | "admin" | "owner"} Role
 * @typedef {"members" | "admins"} Whoever
 *
 * @typedef {object} User
 * @property {number} id
 * @property {string} username
 * @property {string} display_name
 * @property {string} about
 * @property {string | null} avatar_url
 * @property {string} created_at
 * @property {boolean | null} [online] Told to those who may know it.
 * @property {string | null} [last_seen]
 *
 * @typedef {User & { email: string | null, role: string, settings?: { presence?: "everyone" | "friends" | "nobody" } }} Me
 *
 * @typedef {object} Attachment
 * @property {number} upload_id
 * @property {"image" | "file"} kind
 * @property {string} file_name
 * @property {string} content_type
 * @property {number} size
 * @property {number | null} width
 * @property {number | null} height
 * @property {string | null} placeholder
 * @property {string} url
 * @property {string | null} thumbnail_url
 *
 * @typedef {{ emoji: string, count: number, mine: boolean | null }} Reaction
 * @typedef {{ seq: number, username: string | null, preview: string, kind?: Message["kind"] }} Reply
 *
 * @typedef {object} Message
 * @property {number} id
 * @property {number} room_id
 * @property {number} seq
 * @property {number} rev
 * @property {"text" | "image" | "file" | "system"} kind
 * @property {string | null} event
 * @property {number | null} sender_id
 * @property {string | null} username
 * @property {string} content
 * @property {string | null} client_id
 * @property {Reply | null} reply_to
 * @property {{ username: string | null, created_at: string } | null} forwarded
 * @property {Attachment[]} attachments
 * @property {Reaction[]} reactions
 * @property {number[]} mentions
 * @property {string | null} edited_at
 * @property {string | null} pinned_at
 * @property {string | null} deleted_at
 * @property {number | null} deleted_by
 * @property {string} created_at
 *
 * @typedef {object} RoomSettings
 * @property {boolean} archived
 * @property {number} slow_mode_seconds
 * @property {Whoever} who_writes
 * @property {Whoever} who_adds
 * @property {boolean} past_members_read
 *
 * @typedef {object} Room
 * @property {number} id
 * @property {RoomKind} kind
 * @property {string | null} slug
 * @property {string} name
 * @property {string} topic
 * @property {string | null} avatar_url
 * @property {string} created_at
 * @property {boolean} joined
 * @property {Role | null} role
 * @property {number} members_count
 * @property {User | null} direct_user
 * @property {number} last_seq
 * @property {number} rev
 * @property {Message | null} last_message
 * @property {number | null} read_seq
 * @property {number} unread
 * @property {number} mentions
 * @property {string | null} muted_until
 * @property {RoomSettings} settings
 *
 * @typedef {{ user: User, role: Role, joined_at: string, read_seq: number, delivered_seq: number }} Member
 * @typedef {Member & { user_id: number, state: "joined" | "left" | "banned", rev: number }} MemberChange
 *
 * @typedef {{ room_id: number, room: Room, messages: Message[], members: MemberChange[], rev: number, more: boolean }} RoomSync
 * @typedef {{ items: Message[], next: string | null, last_seq: number, rev: number }} History
 * @typedef {{ room_id: number, user_id: number, read_seq: number, delivered_seq: number, unread?: number }} Receipt
 *
 * @typedef {{ code: string, room_id: number, created_by: number, created_at: string, expires_at: string | null, uses_left: number | null }} Invite
 * @typedef {{ id: number, device: string, ip: string, created_at: string, last_used_at: string, expires_at: string, current: boolean }} Session
 * @typedef {{ access_token: string, token_type: string, expires_in: number, refresh_token: string }} Tokens
 * @typedef {{ version: number, content: string, edited_at: string }} Edit
 * @typedef {{ emoji: string, user: User, created_at: string }} Reactor
 * @typedef {{ user: User, at: string | null }} Seen
 * @typedef {{ upload_id: number, method: string, url: string, headers: Record<string, string>, expires_at: string }} UploadTicket
 * @typedef {{ url: string, expires_at: string }} Link A URL that needs no credential.
 *
 * @typedef {Omit<Attachment, "kind" | "url"> & { purpose: "avatar" | "image" | "file", state: "pending" | "ready" | "rejected", reason: string | null, url: string | null }} Upload
 *
 * @typedef {{ user: User, state: "pending" | "accepted", direction: "in" | "out", requested_at: string, accepted_at: string | null }} Friendship
 * @typedef {{ message: Message, highlights: { from: number, to: number }[] }} Found What search found: `[...content].slice(from, to)` matches.
 *
 * @typedef {object} AccountFacts
 * @property {string | null} email
 * @property {"user" | "admin"} role
 * @property {"active" | "disabled" | "erasing" | "erased"} state
 * @property {string | null} disabled_at
 * @property {number} sessions
 * @property {string | null} last_used_at
 * @typedef {User & AccountFacts} AdminAccount
 *
 * @typedef {{ id: number, kind: RoomKind, slug: string | null, name: string, topic: string, members_count: number, last_seq: number, archived: boolean, active_at: string }} AdminRoom
 * @typedef {Report & { closed_at: string | null, closed_by: number | null }} AdminReport
 * @typedef {{ id: number, at: string, actor: User | null, action: string, user: User | null, room_id: number | null, report_id: number | null, ip: string }} AuditEntry
 *
 * @typedef {object} Report
 * @property {number} id
 * @property {number} room_id
 * @property {number} seq
 * @property {number} reporter_id
 * @property {string | null} reporter
 * @property {string} reason
 * @property {number | null} sender_id
 * @property {string | null} sender
 * @property {string} content
 * @property {string} created_at
 *
 * @typedef {object} Facts
 * @property {string} name
 * @property {string} topic
 * @property {string | null} avatar_url
 * @property {RoomSettings} settings
 *
 * @typedef {{ type: "message", ts: number } & Message} MessageFrame
 * @typedef {{ type: "message.edited" } & Message} EditedFrame
 * @typedef {{ type: "message.unsent", room_id: number, seq: number, rev: number, deleted_at: string, deleted_by: number }} UnsentFrame
 * @typedef {{ type: "message.pinned", room_id: number, seq: number, rev: number, pinned_at: string | null, user_id: number }} PinnedFrame
 * @typedef {{ type: "message.hidden", room_id: number, seq: number }} HiddenFrame
 * @typedef {{ type: "reaction", room_id: number, seq: number, rev: number, emoji: string, user_id: number, added: boolean, count: number }} ReactionFrame
 * @typedef {{ type: "room", room_id: number, rev: number, room?: Room | Facts }} RoomFrame
 * @typedef {{ type: "room.deleted", room_id: number }} RoomDeletedFrame
 * @typedef {{ type: "room.joined", room: Room }} RoomJoinedFrame
 * @typedef {{ type: "room.left", room_id: number }} RoomLeftFrame
 * @typedef {{ type: "member.added" | "member.updated", room_id: number, rev: number, member: Member }} MemberFrame
 * @typedef {{ type: "member.removed", room_id: number, rev: number, user_id: number }} MemberRemovedFrame
 * @typedef {{ type: "receipt" } & Receipt} ReceiptFrame
 * @typedef {{ type: "typing", room_id: number, user_id: number, username: string, active: boolean }} TypingFrame
 * @typedef {{ type: "presence", user_id: number, online: boolean | null, last_seen: string | null, ts: number }} PresenceFrame
 * @typedef {({ type: "friend.request" | "friend.accepted" } & Friendship) | { type: "friend.removed", user_id: number }} FriendFrame
 * @typedef {{ type: "upload.ready" } & Upload} UploadFrame
 * @typedef {{ type: "sync", id?: string | number } & RoomSync} SyncFrame
 * @typedef {{ type: "ack", id?: string | number, room_id?: number, seq?: number, rev?: number, message_id?: number, client_id?: string }} AckFrame
 * @typedef {{ type: "pong", id?: string | number, ts: number, changed: { room_id: number, rev: number }[] }} PongFrame
 * @typedef {{ type: "bye", code: string, reason: string, resume: boolean }} ByeFrame
 *
 * @typedef {object} ErrorFrame
 * @property {"error"} type
 * @property {string | number} [id]
 * @property {string} [client_id]
 * @property {string} code
 * @property {string} detail
 * @property {string} request_id
 * @property {number} [retry_after]
 *
 * @typedef {object} WelcomeFrame
 * @property {"welcome"} type
 * @property {string | number} [id]
 * @property {Me} user
 * @property {string} connection_id
 * @property {Room[]} rooms
 * @property {boolean} complete
 * @property {number[] | null} [online] Those of one's friends and of the others of one's direct rooms who are there.
 * @property {string} server_time
 * @property {string} reconnect_before
 *
 * @typedef {MessageFrame | EditedFrame | UnsentFrame | PinnedFrame | ReactionFrame | RoomFrame | MemberFrame | MemberRemovedFrame} ChangeFrame
 *   What takes a `rev` of its room.
 * @typedef {ChangeFrame | HiddenFrame | RoomDeletedFrame | RoomJoinedFrame | RoomLeftFrame | ReceiptFrame | TypingFrame | PresenceFrame
 *   | FriendFrame | UploadFrame | SyncFrame | AckFrame | PongFrame | ByeFrame | ErrorFrame | WelcomeFrame} Frame
 *   Everything that a client can receive.
 */

/**
 * One page of a list.
 * @template T
 * @typedef {{ items: T[], next: string | null }} Page
 */

export {};
