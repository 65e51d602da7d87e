/* What HTTP answers, and what goes over the socket. Made from openapi.json and asyncapi.json by tests/wire.mjs: do not edit. */

/** The role of an account. */
export type AccountRole = "user" | "admin";

/** The state of an account. */
export type AccountState = "active" | "disabled" | "erasing" | "erased";

/** The successful response to an action. */
export type Ack = {
  /** The sender's `client_id`. */
  client_id?: string | null;
  /** The `id` of the client's frame. */
  id?: Called | null;
  /** The message's id. */
  message_id?: MessageId | null;
  /** The room's revision. */
  rev?: number | null;
  /** The room of the action. */
  room_id?: RoomId | null;
  /** The message's `seq`. */
  seq?: number | null;
};

/** The result of adding users. */
export type Additions = {
  /** Users who became members. */
  added: UserId[];
  /** Users who already were members. */
  already: UserId[];
  /** Users who received an invitation: they left the room before, or do not let the caller add them. */
  invited: UserId[];
  /** Users who could not be added, with the reason. */
  refused: Refused[];
};

/** An account as operators see it. */
export type AdminAccount = User & {
  /** When the account was disabled. */
  disabled_at?: Timestamp | null;
  /** The e-mail address, if set. */
  email?: string | null;
  /** When a session was last created or refreshed. */
  last_used_at?: Timestamp | null;
  /** The account's role. */
  role: AccountRole;
  /** The number of active sessions. */
  sessions: number;
  /** The account's state. */
  state: AccountState;
};

/** A report in any state, with its room. */
export type AdminReport = Report & {
  /** When the report was closed. */
  closed_at?: Timestamp | null;
  /** The admin of the room or operator who closed it. */
  closed_by?: UserId | null;
};

/** A room as operators see it, without its content. */
export type AdminRoom = {
  /** When the last message was sent. */
  active_at: Timestamp;
  /** Whether the room is archived and refuses messages. */
  archived: boolean;
  /** When the room was created. */
  created_at: Timestamp;
  /** The user who created the room. */
  created_by?: UserId | null;
  /** The room's id. */
  id: RoomId;
  /** The kind of the room. */
  kind: RoomKind;
  /** The number of messages sent. */
  last_seq: number;
  /** The number of members. */
  members_count: number;
  /** The room's name; empty for direct rooms. */
  name: string;
  /** The room's name in URLs, if set. */
  slug?: string | null;
  /** The room's topic. */
  topic: string;
};

/** An image or file of a message. */
export type Attachment = {
  /** The content type. */
  content_type: string;
  /** The duration of audio or video in milliseconds, if its header has it. */
  duration?: number | null;
  /** The sender's file name. */
  file_name: string;
  /** The height of an image or video in pixels. */
  height?: number | null;
  /** How to display it. */
  kind: AttachmentKind;
  /** A blurhash to display while the image, or the poster of a video, loads. */
  placeholder?: string | null;
  /** The size in bytes. */
  size: number;
  /** The URL of the thumbnail of an image, or of a video with a poster. */
  thumbnail_url?: string | null;
  /** The upload. */
  upload_id: UploadId;
  /** The URL of the bytes. */
  url: string;
  /** The width of an image or video in pixels. */
  width?: number | null;
};

/** How to display an attachment. */
export type AttachmentKind = "image" | "file";

/** An entry of the audit log. */
export type AuditEntry = {
  /** The action: `user.disable`, `user.enable`, `user.erase`, `user.sessions`, `user.promote`, `user.demote`, `report.close`, `room.archive`,
   * `room.unarchive` or `room.delete`. */
  action: string;
  /** The operator; null for the command line. */
  actor?: User | null;
  /** The time of the action. */
  at: Timestamp;
  /** The entry's id; later entries have higher ids. */
  id: AuditId;
  /** The address of the request. */
  ip: string;
  /** The affected report. */
  report_id?: ReportId | null;
  /** The affected room. */
  room_id?: RoomId | null;
  /** The affected user. */
  user?: User | null;
};

/** An entry of the audit log. */
export type AuditId = number;

/** The response to registration and login. */
export type Authenticated = Tokens & {
  /** The authenticated user. */
  user: Me;
};

/** The client's id of a frame, echoed in the response. At most 80 characters as JSON; other values are ignored and not echoed. */
export type Called = string | number;

/** Body of `PATCH /api/admin/rooms/{room_id}`. */
export type ChangeAdminRoom = {
  /** Whether the room is archived and refuses messages. */
  archived: boolean;
};

/** Body of `PATCH /api/users/me`; absent fields are unchanged. */
export type ChangeMe = {
  /** A short text about the user, at most 500 characters. */
  about?: string | null;
  /** The display name, 1–64 characters. Stored composed (NFC) and without characters that do not show. */
  display_name?: string | null;
  /** The e-mail address for login; null removes it. A new address requires `password`. */
  email?: string | null;
  /** The current password; only used with a new e-mail address. */
  password?: string | null;
  /** The settings. */
  settings?: ChangeMySettings;
};

/** Body of `PATCH /api/rooms/{room_id}/members/{user_id}`. */
export type ChangeMember = {
  /** The new role. */
  role: Role;
};

/** Settings to change; absent fields are unchanged. */
export type ChangeMySettings = {
  /** Who may add the user to rooms directly; others send an invitation. */
  added_by?: Visibility | null;
  /** Which messages send push notifications while the user is away. */
  notifications?: Notifications | null;
  /** Who may see the user's presence. */
  presence?: Visibility | null;
};

/** Body of `PUT /api/auth/password`. */
export type ChangePassword = {
  /** The current password. */
  current: string;
  /** The new password: 8–128 characters. Common passwords are refused. */
  new: string;
};

/** Body of `PUT /api/admin/users/{user_id}/role`. */
export type ChangeRole = {
  /** The new role. */
  role: AccountRole;
};

/** Body of `PATCH /api/rooms/{room_id}`; absent fields are unchanged. */
export type ChangeRoom = {
  /** Whether the room is archived and refuses messages. */
  archived?: boolean | null;
  /** An upload of the caller with the purpose `avatar`, ready and unused; null removes the avatar. */
  avatar_upload_id?: number | null;
  /** The name, 1–100 characters. Stored composed (NFC) and without characters that do not show. */
  name?: string | null;
  /** The settings. */
  settings?: ChangeSettings;
  /** The topic, at most 500 characters. */
  topic?: string | null;
};

/** Settings to change; absent fields are unchanged. */
export type ChangeSettings = {
  /** Whether system messages (joined, left, renamed, …) count as unread, lift the room in lists and are its `last_message`. */
  count_system_messages?: boolean | null;
  /** Whether members who leave or are removed while this is on can still read the room up to that time, without messages unsent later. */
  past_members_read?: boolean | null;
  /** Minimum interval in seconds between messages of a member, at most 86400; 0 disables slow mode. */
  slow_mode_seconds?: number | null;
  /** Who may add and invite users. */
  who_adds?: Whoever | null;
  /** Who may send messages. */
  who_writes?: Whoever | null;
};

/** A room and its revision. */
export type Changed = {
  /** The room's revision. */
  rev: number;
  /** The room. */
  room_id: RoomId;
};

/** The check of a store. */
export type Checked = {
  /** `mysql`, `connections_table`, `room_sockets_table`, `ephemeral_table` or `media_bucket`. */
  name: string;
  /** `ok`, `unreachable`, or `outdated` if migrations are pending. */
  status: string;
};

/** The direction of a friend request. */
export type Direction = "in" | "out";

/** An earlier text of an edited message. */
export type Edit = {
  /** The text. */
  content: string;
  /** When the text was replaced. */
  edited_at: Timestamp;
  /** The version; 1 is the original text. */
  version: number;
};

/** Body of `DELETE /api/users/me`. */
export type Erase = {
  /** The current password. */
  password: string;
};

/** A part of an export. Concatenate the lists of all parts. */
export type Export = {
  /** The profile, in the first part only. */
  account?: Me | null;
  /** Blocked users. */
  blocks: ExportedBlock[];
  /** Earlier texts of the user's edited messages. */
  edits: ExportedEdit[];
  /** Friends and friend requests. */
  friends: ExportedFriend[];
  /** Messages hidden by the user. */
  hidden: ExportedHidden[];
  /** Invitations sent and received. */
  invitations: ExportedInvitation[];
  /** Invite codes created by the user. */
  invites: ExportedInvite[];
  /** Messages written by the user. */
  messages: ExportedMessage[];
  /** The cursor of the next part; null in the last one. */
  next?: string | null;
  /** Reactions by the user. */
  reactions: ExportedReaction[];
  /** Read receipts of the user. */
  receipts: ExportedReceipt[];
  /** Reports by the user. */
  reports: ExportedReport[];
  /** Current and former rooms. */
  rooms: ExportedRoom[];
  /** Sessions, including ended ones. */
  sessions: ExportedSession[];
  /** Devices with push notifications. */
  subscriptions: ExportedSubscription[];
  /** Images and files uploaded by the user. */
  uploads: ExportedUpload[];
};

/** A blocked user. */
export type ExportedBlock = {
  /** When the user was blocked. */
  created_at: Timestamp;
  /** The user. */
  user_id: UserId;
};

/** An earlier text of a message by the user. */
export type ExportedEdit = {
  /** The text. */
  content: string;
  /** When the text was replaced. */
  edited_at: Timestamp;
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
  /** The version; 1 is the original text. */
  version: number;
};

/** A friendship or friend request. */
export type ExportedFriend = {
  /** When the request was accepted. */
  accepted_at?: Timestamp | null;
  /** When the request was sent. */
  requested_at: Timestamp;
  /** The user who sent the request. */
  requested_by: UserId;
  /** The other user. */
  user_id: UserId;
};

/** A message hidden by the user. */
export type ExportedHidden = {
  /** When the message was hidden. */
  created_at: Timestamp;
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
};

/** An invitation of a user to a room. */
export type ExportedInvitation = {
  /** When the invitation was sent. */
  invited_at: Timestamp;
  /** The user who sent the invitation. */
  invited_by: UserId;
  /** The room. */
  room_id: RoomId;
  /** The invited user. */
  user_id: UserId;
};

/** An invite code created by the user. */
export type ExportedInvite = {
  /** The code. */
  code: string;
  /** When it was created. */
  created_at: Timestamp;
  /** The room. */
  room_id: RoomId;
};

/** A message by the user, or a system message about the user's action. */
export type ExportedMessage = {
  /** The text; empty after unsending. */
  content: string;
  /** When the message was sent. */
  created_at: Timestamp;
  /** When the message was unsent. */
  deleted_at?: Timestamp | null;
  /** When the message was last edited. */
  edited_at?: Timestamp | null;
  /** The message's id. */
  id: MessageId;
  /** `text`, `image`, `file` or `system`. */
  kind: string;
  /** The `seq` of the message that it replies to. */
  reply_to_seq?: number | null;
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
};

/** A reaction by the user. */
export type ExportedReaction = {
  /** When the user reacted. */
  created_at: Timestamp;
  /** The emoji. */
  emoji: string;
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
};

/** A read receipt of the user. */
export type ExportedReceipt = {
  /** The first message read. */
  from_seq: number;
  /** When the messages were read. */
  read_at: Timestamp;
  /** The room. */
  room_id: RoomId;
  /** The last message read. */
  to_seq: number;
};

/** A report by the user. */
export type ExportedReport = {
  /** When the message was reported. */
  created_at: Timestamp;
  /** The report's id. */
  id: ReportId;
  /** The reason. */
  reason: string;
  /** The message's room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
};

/** A current or former room. */
export type ExportedRoom = {
  /** When the user joined. */
  joined_at: Timestamp;
  /** `direct`, `group` or `public`. */
  kind: string;
  /** Until when the user has muted the room. */
  muted_until?: Timestamp | null;
  /** The room's name; empty for direct and former rooms. */
  name: string;
  /** The last message that the user has read. */
  read_seq: number;
  /** `owner`, `admin` or `member`. */
  role: string;
  /** The room. */
  room_id: RoomId;
  /** `joined`, `left`, `removed` or `banned`. */
  state: string;
};

/** A login on a device. */
export type ExportedSession = {
  /** When the session began. */
  created_at: Timestamp;
  /** The device's name. */
  device: string;
  /** When the session expires or expired. */
  expires_at: Timestamp;
  /** The session's id. */
  id: SessionId;
  /** The address that last used the session. */
  ip: string;
  /** When the session was last refreshed. */
  last_used_at: Timestamp;
  /** When the session was ended. */
  revoked_at?: Timestamp | null;
};

/** A device with push notifications. */
export type ExportedSubscription = {
  /** When the device subscribed. */
  created_at: Timestamp;
  /** The URL at the push service. */
  endpoint: string;
  /** The session of the device. */
  session_id: SessionId;
};

/** An upload. Its bytes are at `/api/uploads/{id}/content`. */
export type ExportedUpload = {
  /** The content type. */
  content_type: string;
  /** When the upload was announced. */
  created_at: Timestamp;
  /** The file name. */
  file_name: string;
  /** The upload's id. */
  id: UploadId;
  /** `avatar`, `image` or `file`. */
  purpose: string;
  /** The room where it was sent. */
  room_id?: RoomId | null;
  /** The `seq` of its message. */
  seq?: number | null;
  /** The size in bytes. */
  size: number;
};

/** The profile of a room, identical for all readers. */
export type Facts = {
  /** The URL of the avatar, if set. */
  avatar_url?: string | null;
  /** The room's name. */
  name: string;
  /** The room's settings. */
  settings: Settings;
  /** The room's topic. */
  topic: string;
};

/** The matches in the name of an attachment. */
export type FileMatch = {
  /** The matches in its `file_name`, ascending and without overlap. */
  highlights: Highlight[];
  /** The attachment's position in the message's `attachments`, from 0. */
  index: number;
};

/** A message to forward; the sender must be able to read it. */
export type Forward = {
  /** The room: `7`, `room-7` or a slug. */
  room_id: RoomRef;
  /** The message's `seq`. */
  seq: number;
};

/** The origin of a forwarded message. The room is omitted, since the reader may not see it. */
export type Forwarded = {
  /** When the message was originally sent. */
  created_at: Timestamp;
  /** The original sender's username. */
  username?: string | null;
};

/** A search result. */
export type Found = {
  /** The attachments whose file names match. */
  files: FileMatch[];
  /** The matches in `content`, ascending and without overlap; empty if only names of files match. */
  highlights: Highlight[];
  /** The message, without its reactions. */
  message: Message;
};

/** The state of a friendship. */
export type FriendState = "pending" | "accepted";

/** A friendship or friend request from the caller's point of view. */
export type Friendship = {
  /** When the request was accepted. */
  accepted_at?: Timestamp | null;
  /** The direction of the request. */
  direction: Direction;
  /** When the request was sent. */
  requested_at: Timestamp;
  /** The state of the friendship. */
  state: FriendState;
  /** The other user. */
  user: Person;
};

/** The health of the service. */
export type Health = {
  /** Always `ok`. */
  status: string;
  /** The server's time. */
  time: Timestamp;
  /** The version of this build. */
  version: string;
};

/** A message that the caller hid. */
export type HiddenMessage = {
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
};

/** A range of Unicode code points: `[...content].slice(from, to)` in JavaScript. */
export type Highlight = {
  /** The first character. */
  from: number;
  /** The character after the last one. */
  to: number;
};

/** A page of messages, ascending by `seq`. */
export type History = {
  /** The messages, oldest first. */
  items: Message[];
  /** The `seq` of the room's last message. */
  last_seq: number;
  /** The cursor of the next page: pass it as `before`, or as `after` if the request used that; null at the end of what the caller may read. */
  next?: string | null;
  /** The room's revision at the time of reading. */
  rev: number;
};

/** An open invitation of the caller. */
export type Invitation = {
  /** When the caller was invited. */
  invited_at: Timestamp;
  /** The user who invited the caller. */
  inviter: User;
  /** The room; joining it accepts the invitation. */
  room: InvitedRoom;
};

/** An invite code. Anyone who has it may join the room. */
export type Invite = {
  /** The code: pass it as `invite` when joining. */
  code: string;
  /** When it was created. */
  created_at: Timestamp;
  /** The user who created it. */
  created_by: UserId;
  /** When it expires; null means never. */
  expires_at?: Timestamp | null;
  /** The room. */
  room_id: RoomId;
  /** The remaining uses; null means unlimited. */
  uses_left?: number | null;
};

/** An open invitation as members of the room see it. */
export type Invited = {
  /** When the invitation was sent. */
  invited_at: Timestamp;
  /** The user who sent the invitation. */
  invited_by: UserId;
  /** The invited user. */
  user: User;
};

/** A room as an invited user sees it, without its content. */
export type InvitedRoom = {
  /** The URL of the avatar, if set; the invited user may read it. */
  avatar_url?: string | null;
  /** The room's id. */
  id: RoomId;
  /** The kind of the room. */
  kind: RoomKind;
  /** The number of members. */
  members_count: number;
  /** The room's name. */
  name: string;
};

/** Body of `POST /api/rooms/{room_id}/join`. */
export type Join = {
  /** An invite code, for rooms that are not public. */
  invite?: string | null;
};

/** Body of `POST /api/rooms/{room_id}/leave`. */
export type Leave = {
  /** The new owner; required from the last owner. */
  owner?: UserId | null;
};

/** The remaining storage quota; null where there is no limit. */
export type Left = {
  /** Remaining bytes. */
  bytes?: number | null;
  /** Remaining images and files. */
  files?: number | null;
};

/** A URL that needs no credential, for `<img>` and similar. */
export type Link = {
  /** When the URL expires. */
  expires_at: Timestamp;
  /** The URL. */
  url: string;
};

/** Body of `POST /api/auth/login`: either `username` or `email`. */
export type Login = {
  /** The device's name in the list of sessions, at most 64 characters. */
  device?: string | null;
  /** The e-mail address. */
  email?: string | null;
  /** The password. */
  password: string;
  /** The username. */
  username?: string | null;
};

/** Body of `PUT …/read` and `PUT …/delivered`. */
export type Mark = {
  /** The last message read or delivered; values beyond the last message are lowered to it. */
  seq: number;
};

/** The caller's own profile: the public one and private fields. */
export type Me = User & {
  /** The e-mail address, if set. */
  email?: string | null;
  /** `user`, or `admin` for an operator of the deployment. */
  role: string;
  /** The caller's settings. */
  settings: MySettings;
};

/** A member of a room. */
export type Member = {
  /** The last message delivered to one of the member's devices; null like `read_seq`. */
  delivered_seq?: number | null;
  /** When the user joined. */
  joined_at: Timestamp;
  /** The last message that the member has read; null when the caller may not see it, and in frames. */
  read_seq?: number | null;
  /** The member's role. */
  role: Role;
  /** The user. */
  user: User;
};

/** The current state of a membership. */
export type MemberChange = {
  /** The last message delivered to one of the member's devices; null when the caller may not see it. */
  delivered_seq?: number | null;
  /** The time of the last join. */
  joined_at: Timestamp;
  /** The last message that the member has read; null when the caller may not see it. */
  read_seq?: number | null;
  /** The room's `rev` at the last change of the membership. */
  rev: number;
  /** The member's role. */
  role: Role;
  /** Whether the user is in the room. */
  state: MemberState;
  /** The user. */
  user: User;
  /** The user's id. */
  user_id: UserId;
};

/** The state of a membership. */
export type MemberState = "joined" | "left" | "banned";

/** A message. */
export type Message = {
  /** Images and files. */
  attachments: Attachment[];
  /** The sender's `client_id`. */
  client_id?: string | null;
  /** The text; empty after unsending. */
  content: string;
  /** When the message was sent. */
  created_at: Timestamp;
  /** When the message was unsent, or lost all of its content with the account that sent it. */
  deleted_at?: Timestamp | null;
  /** The user who unsent it: the sender, also by erasing the account, or a moderator. */
  deleted_by?: UserId | null;
  /** When the message was last edited. */
  edited_at?: Timestamp | null;
  /** The event of a system message: `member.joined`, `member.left`, `room.renamed` … */
  event?: string | null;
  /** The original sender of a forwarded message. */
  forwarded?: Forwarded | null;
  /** The message's id across all rooms. */
  id: MessageId;
  /** The kind of the message. */
  kind: MessageKind;
  /** Members mentioned in the text as `@name`. */
  mentions: UserId[];
  /** When the message was pinned, if it is. */
  pinned_at?: Timestamp | null;
  /** Reactions by the code points of their emoji. Empty in the last messages of room lists. */
  reactions: Reaction[];
  /** The message that this one replies to. */
  reply_to?: Reply | null;
  /** The room's `rev` at the last change of the message. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  /** The sender; of a system message the acting user. */
  sender_id?: UserId | null;
  /** The message's position in the room: 1, 2, 3 … without gaps. */
  seq: number;
  /** The sender's username. */
  username?: string | null;
};

/** A message across all rooms; within its room a message is identified by its `seq`. */
export type MessageId = number;

/** The kind of a message. */
export type MessageKind = "text" | "image" | "file" | "system";

/** Body of `PUT /api/rooms/{room_id}/mute`. */
export type Mute = {
  /** The end of muting; null unmutes the room. */
  until?: Timestamp | null;
};

/** A user's private settings. */
export type MySettings = {
  /** Who may add the user to rooms directly; others send an invitation. Blocked users can do neither. */
  added_by: Visibility;
  /** Which messages send push notifications while the user is away. */
  notifications: Notifications;
  /** Who may see the user's presence. */
  presence: Visibility;
};

/** The caller's own profile, with storage usage. */
export type Myself = Me & {
  /** The storage usage. */
  storage: Storage;
};

/** Body of `PUT /api/users/me/avatar`, and part of changing a room. */
export type NewAvatar = {
  /** An upload of the caller with the purpose `avatar`, ready and unused. */
  upload_id: UploadId;
};

/** Body of `PATCH …/messages/{seq}`. */
export type NewContent = {
  /** The new text, under the same rules as for sending. */
  content: string;
};

/** Body of `POST /api/friends/requests`: one user, by id or username. */
export type NewFriend = {
  /** The user's id. */
  user_id?: UserId | null;
  /** The user's username, with or without `@`. */
  username?: string | null;
};

/** Body of `POST /api/rooms/{room_id}/invites`. */
export type NewInvite = {
  /** Lifetime in seconds, 60 to 31536000 (a year); unlimited when absent. */
  expires_in?: number | null;
  /** Maximum number of uses, 1 to 10000; unlimited when absent. */
  uses?: number | null;
};

/** Body of `POST /api/rooms/{room_id}/members`: up to 100 users by id or username. */
export type NewMembers = {
  /** A single user id. */
  user_id?: UserId | null;
  /** User ids. */
  user_ids?: UserId[];
  /** A single username, with or without `@`. */
  username?: string | null;
  /** Usernames, with or without `@`. */
  usernames?: string[];
};

/** A message to send, as a request body or in a `send` action. */
export type NewMessage = {
  /** Up to 10 uploads of the caller that are ready and unused. */
  attachments?: UploadId[];
  /** A unique key of the sender, 1–64 characters: sending again with the same key returns the first message. */
  client_id?: string | null;
  /** The text: 1 to `MAX_MESSAGE_LENGTH` (1000) characters, not only whitespace. Optional with attachments. */
  content?: string | null;
  /** A message to forward, instead of `content` and `attachments`. */
  forward?: Forward | null;
  /** The `seq` of a message in the same room that this one replies to. */
  reply_to?: number | null;
};

/** Body of `PUT …/messages/{seq}/reactions`. */
export type NewReaction = {
  /** A single emoji: one of Unicode's recommended sequences (Emoji 18.0), in any spelling. It is stored and returned fully qualified (`❤️` for `❤`). */
  emoji: string;
};

/** Body of `POST /api/rooms/{room_id}/messages/{seq}/report`. */
export type NewReport = {
  /** The reason, at most 500 characters. */
  reason?: string | null;
};

/** Body of `POST /api/rooms`. */
export type NewRoom = {
  /** `group` (by invitation) or `public`. */
  kind?: RoomKind | null;
  /** Up to 100 users to add; those who do not let the caller add them receive an invitation. */
  member_ids?: UserId[];
  /** The name, 1–100 characters. Stored composed (NFC) and without characters that do not show. */
  name: string;
  /** The topic, at most 500 characters. */
  topic?: string | null;
};

/** Body of `PUT /api/push/subscription`: the browser's `PushSubscription` as JSON. */
export type NewSubscription = {
  /** The `public_key` that the subscription was created with; the current one when absent. */
  application_server_key?: string | null;
  /** The URL at the browser's push service. It is a credential. */
  endpoint: string;
  /** Part of the browser's JSON; not used. */
  expirationTime?: number | null;
  /** The browser's keys. */
  keys: SubscriptionKeys;
};

/** Body of `POST /api/uploads`. */
export type NewUpload = {
  /** The content type: anything that the client's system calls it, absent or empty. An image or avatar may be any of `image/…`,
   * `application/octet-stream` or nothing, since its bytes decide. A file whose type says nothing is served as what its bytes show; one whose bytes are
   * something else is served as `application/octet-stream`. */
  content_type?: string;
  /** The file name, 1–255 characters; folders are removed. */
  file_name: string;
  /** An upload of the caller with the purpose `image`, ready and unused, whose thumbnail becomes that of this video. It is used up by this. */
  poster_upload_id?: UploadId | null;
  /** The purpose. */
  purpose: Purpose;
  /** The exact size in bytes. */
  size: number;
};

/** A problem document with the check of each store. */
export type NotReady = {
  /** The check of each store. */
  checks: Checked[];
  /** Always `not_ready`. */
  code: string;
  /** An explanation for people. */
  detail: string;
  /** The id to quote in problem reports. */
  request_id: string;
  /** The HTTP status. */
  status: number;
  /** The standard phrase of the status. */
  title: string;
  /** A URI that identifies the problem type. */
  type: string;
};

/** The payload for the service worker, as JSON: enough to display a notification without a request. */
export type Notification = {
  /** The kind of the message. */
  kind: MessageKind;
  /** Whether the message mentions the recipient. */
  mentioned: boolean;
  /** The beginning of the text; empty for an attachment without text. */
  preview: string;
  /** The room's name; in a direct room the other user's name. */
  room: string;
  /** The room. Use it as the `tag`: a newer notification of a room replaces an undelivered one. */
  room_id: RoomId;
  /** The kind of the room. */
  room_kind: RoomKind;
  /** The sender's display name. */
  sender: string;
  /** The sender's id. */
  sender_id: UserId;
  /** The message's `seq`. */
  seq: number;
  /** Always `message`. */
  type: string;
  /** The number of unread messages in the room. */
  unread: number;
  /** The path of the room in the web client. */
  url: string;
};

/** Which messages send push notifications. Rooms can also be muted. */
export type Notifications = "all" | "mentions" | "none";

/** The message in the form of a `message` frame with `data`. */
export type OlderData = {
  /** The text. */
  content: string;
  /** The URL of the first attachment. */
  file_url?: string | null;
  /** The id of the message. */
  message_id: MessageId;
  /** The room's id as a string. */
  room_id: string;
};

/** The value of `data`. */
export type OlderFields = string | {
  /** The text. */
  content?: string | null;
  /** The URL of a file: an upload of this server is attached, any other URL becomes part of the text. */
  file_url?: string | null;
  /** The room; also accepted as `roomId`, `conversation_id` and `conversationId`. */
  room_id?: RoomRef | null;
};

/** The body of a legacy message. */
export type OlderMessage = {
  /** The sender's `client_id`. */
  client_id?: string | null;
  /** The text; also accepted as `message`. */
  content?: string | null;
  /** The room in any form; also accepted as `room_id`, `roomId` and `conversationId`. General when neither a room nor a user is given. */
  conversation_id?: RoomRef | null;
  /** The user to whom the message goes in a direct room. */
  receiver_id?: UserId | null;
  /** The `seq` of the message that this one replies to. */
  reply_to?: number | null;
};

/** An open report with everything that is preserved of the message. */
export type OpenReport = Report & {
  /** Earlier texts of the message, oldest first: the latest 200, up to 2 MB. */
  edits: Edit[];
};

/** A user, with presence where the endpoint provides it. */
export type Person = User & Partial<Presence>;

/** A reference to a message. */
export type Place = {
  /** The room. */
  room_id: RoomRef;
  /** The message's `seq`. */
  seq: number;
};

/** A user's presence; both fields are null when the caller may not see it. */
export type Presence = {
  /** When the user was last connected; null while online, and for users who never were. */
  last_seen?: Timestamp | null;
  /** Whether a device of the user is connected, or was until a few seconds ago. */
  online?: boolean | null;
};

/** Changes of what only the caller sees or sets. Muted, closed and reopened rooms are among the rooms. */
export type PrivateChanges = {
  /** Whether the list of blocked users changed: `GET /api/blocks` has it. */
  blocks: boolean;
  /** Messages that the caller hid: remove them, and read the unread counts of their rooms anew. Empty without a cursor: read again what is held. */
  hidden: HiddenMessage[];
  /** The caller's profile, e-mail address, role and settings if they changed. */
  me?: Me | null;
  /** The caller's `private_rev` after these changes. */
  rev: number;
};

/** A problem document (RFC 9457). */
export type Problem = {
  /** A stable snake_case code for programs. */
  code: string;
  /** An explanation for people. */
  detail: string;
  /** The invalid fields, if any. */
  errors?: Violation[];
  /** With `quota_exceeded`: the remaining quota. */
  left?: Left | null;
  /** The id to quote in problem reports. */
  request_id: string;
  /** The HTTP status. */
  status: number;
  /** The standard phrase of the status. */
  title: string;
  /** A URI that identifies the problem type. */
  type: string;
};

/** The purpose of an upload. */
export type Purpose = "avatar" | "image" | "file";

/** The key for subscribing. */
export type PushKey = {
  /** The server's public key for `applicationServerKey`: base64url, an uncompressed P-256 point. */
  public_key: string;
};

/** The reactions to a message with one emoji. */
export type Reaction = {
  /** The number of users. */
  count: number;
  /** The emoji. */
  emoji: string;
  /** Whether the caller is among them; null in frames, which are the same for all members. */
  mine?: boolean | null;
};

/** An added or removed reaction: a frame, and the response to the request. */
export type ReactionChange = {
  /** Whether the reaction was added. */
  added: boolean;
  /** The number of users who now react with this emoji. */
  count: number;
  /** The emoji. */
  emoji: string;
  /** The room's revision after the change. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
  /** The user. */
  user_id: UserId;
};

/** A user's reaction to a message. */
export type Reactor = {
  /** When the user reacted. */
  created_at: Timestamp;
  /** The emoji. */
  emoji: string;
  /** The user. */
  user: User;
};

/** The readiness of the service. */
export type Ready = {
  /** The check of each store. */
  checks: Checked[];
  /** Always `ready`. */
  status: string;
};

/** A member's read markers: the response to moving them, and their frame. */
export type Receipt = {
  /** The last message delivered to one of the member's devices; never before `read_seq`. */
  delivered_seq: number;
  /** The last message that the member has read. */
  read_seq: number;
  /** The room. */
  room_id: RoomId;
  /** The number of messages after `read_seq` that count as unread, as in `Room`. Only in the member's own receipts. */
  unread?: number | null;
  /** The member. */
  user_id: UserId;
};

/** The receipts of one message, without its sender. */
export type Receipts = {
  /** Members who have received the message, including those who have read it. */
  delivered: Seen[];
  /** Members who have read the message. */
  read: Seen[];
};

/** Body of `POST /api/auth/refresh`. */
export type Refresh = {
  /** The latest refresh token; valid once. */
  refresh_token: string;
};

/** The error response to an action. */
export type Refusal = {
  /** The sender's `client_id`, if the action had one. */
  client_id?: string | null;
  /** A stable snake_case code. */
  code: string;
  /** An explanation for people. */
  detail: string;
  /** The `id` of the client's frame. */
  id?: Called | null;
  /** The id to quote in problem reports. */
  request_id: string;
  /** Seconds until a retry. */
  retry_after?: number | null;
};

/** A user who could not be added. */
export type Refused = {
  /** `user_not_found`, `banned`, or `not_reachable` for any other reason. */
  code: string;
  /** The id, given or found by username. */
  user_id?: UserId | null;
  /** The given username. */
  username?: string | null;
};

/** Body of `POST /api/auth/register`. */
export type Register = {
  /** The device's name in the list of sessions, at most 64 characters. */
  device?: string | null;
  /** The display name, 1–64 characters; defaults to the username. Stored composed (NFC) and without characters that do not show. */
  display_name?: string | null;
  /** An e-mail address, which also works for login. */
  email?: string | null;
  /** The password: 8–128 characters. Common passwords are refused. */
  password: string;
  /** The username: 3–32 ASCII letters, digits, `.`, `_` or `-`; unique regardless of case. It begins and ends with a letter or digit, has no two
   * marks beside each other, and is not a reserved one such as `admin` (code `reserved`). */
  username: string;
};

/** The message that another one replies to. */
export type Reply = {
  /** The kind of the message, to describe attachments without text. */
  kind: MessageKind;
  /** The beginning of the text; empty after unsending, and for a message that the reader hid, whose `username` is null. Frames are the same for all
   * members: there, clients leave out what their user hid. */
  preview: string;
  /** The `seq` of the message. */
  seq: number;
  /** The sender's username. */
  username?: string | null;
};

/** A reported message. An open report preserves the message as it was reported, whatever happens to it afterwards. */
export type Report = {
  /** Attachments as reported; their URLs work for everyone who may see the report. */
  attachments: Attachment[];
  /** The text: as reported while `kept` is true, otherwise the current one, which is empty after unsending. */
  content: string;
  /** When the message was reported. */
  created_at: Timestamp;
  /** When the message was unsent after the report. */
  deleted_at?: Timestamp | null;
  /** When the reported version was last edited. */
  edited_at?: Timestamp | null;
  /** The report's id. */
  id: ReportId;
  /** Whether the reported version is preserved: from the report until it is closed. */
  kept: boolean;
  /** The reason; empty if none was given. */
  reason: string;
  /** The reporter's username. */
  reporter?: string | null;
  /** The user who reported it. */
  reporter_id: UserId;
  /** The room. */
  room_id: RoomId;
  /** The sender's username. */
  sender?: string | null;
  /** The sender of the message. */
  sender_id?: UserId | null;
  /** When the message was sent. */
  sent_at?: Timestamp | null;
  /** The message's `seq`. */
  seq: number;
};

/** A report of a message. */
export type ReportId = number;

/** The role of a member, in ascending order of rights. */
export type Role = "member" | "admin" | "owner";

/** A room as the caller sees it. */
export type Room = {
  /** When the room was last active for the caller, the order of room lists: the last message of a member, or the caller's joining. */
  active_at: Timestamp;
  /** The URL of the avatar, if set. */
  avatar_url?: string | null;
  /** Whether either user of a direct room blocks the other, which prevents messages. */
  blocked: boolean;
  /** Whether the caller closed this direct room, which hides it until the next message. */
  closed: boolean;
  /** When the room was created. */
  created_at: Timestamp;
  /** The other user of a direct room; over HTTP with their presence. */
  direct_user?: Person | null;
  /** The room's id. */
  id: RoomId;
  /** Whether the caller is a member. */
  joined: boolean;
  /** The kind of the room. */
  kind: RoomKind;
  /** The last message that the caller may read and has not hidden. System messages are left out unless `settings.count_system_messages`. */
  last_message?: Message | null;
  /** The `seq` of the last message. */
  last_seq: number;
  /** The number of members. */
  members_count: number;
  /** The number of messages counted by `unread` that mention the caller, without those of users whom a block parts from the caller. */
  mentions: number;
  /** Until when the caller has muted the room. */
  muted_until?: Timestamp | null;
  /** The room's name; empty for direct rooms. */
  name: string;
  /** The last message that the caller has read as a member. */
  read_seq?: number | null;
  /** The room's revision, incremented by every change. */
  rev: number;
  /** The caller's role as a member. */
  role?: Role | null;
  /** The room's settings. */
  settings: Settings;
  /** The room's name in URLs, if set. */
  slug?: string | null;
  /** The room's topic. */
  topic: string;
  /** The number of other users' messages after `read_seq`, without unsent ones and those that the caller hid. System messages count with
   * `settings.count_system_messages`. */
  unread: number;
};

/** A direct, group or public room. */
export type RoomId = number;

/** The kind of a room. */
export type RoomKind = "direct" | "group" | "public";

/** A list of rooms; with the scope `invited` a list of invitations. */
export type RoomList = Page<Room> | Page<Invitation>;

/** A room reference of a client: `7`, `"7"`, `"room-7"`, or a slug such as `"general"`. */
export type RoomRef = RoomId | string;

/** All changes of a room since a `rev`, or the first part of them. A part contains every row of each `rev` that it covers. */
export type RoomSync = {
  /** New and changed members, including those who left. */
  members: MemberChange[];
  /** New and changed messages by `seq`; unsent ones are tombstones. */
  messages: Message[];
  /** Whether more changes follow: request them from `rev`. Other frames of the room wait until the last part. A frame with `more` and no rows has
   * reached a change too large for a frame: fetch it over HTTP. */
  more: boolean;
  /** The `rev` of the client after it applies this response. */
  rev: number;
  /** The room as the caller sees it now. */
  room: Room;
  /** The room. */
  room_id: RoomId;
};

/** The caller's unread messages in one room. */
export type RoomUnread = {
  /** The number that mention the caller. */
  mentions: number;
  /** The room. */
  room_id: RoomId;
  /** The number of messages that count as unread, as in `Room`. */
  unread: number;
};

/** The caller's rooms, the people in them, and the caller's private state, as far as they changed since a cursor. */
export type RoomsSync = {
  /** The cursor of the next request: at once while `more` is true, else at the next synchronisation. */
  cursor: string;
  /** The ids of all the caller's rooms, only on the last page; null without rooms. Remove every other room. */
  joined?: RoomId[] | null;
  /** Whether more pages follow now. */
  more: boolean;
  /** Changes of what only the caller sees or sets. */
  private: PrivateChanges;
  /** Rooms that changed, in which the caller's read marker moved, or that the caller muted or reopened, oldest change first. Rooms can repeat across
   * pages. */
  rooms: Room[];
  /** The present profiles of users who changed them, only on the first page: members of the caller's rooms, present or past, friends, users with a
   * pending friend request, and blocked users. */
  users: UserChange[];
  /** Whether `users` has all of them. False without a cursor and after more than 200 changes on the server: read again what is held of other users. */
  users_complete: boolean;
};

/** A member's receipt of a message. */
export type Seen = {
  /** The time, or an upper bound of it: several messages read or delivered at once share the latest time. */
  at?: Timestamp | null;
  /** The member. */
  user: User;
};

/** A login on a device. */
export type Session = {
  /** The time of the login. */
  created_at: Timestamp;
  /** Whether this is the caller's session. */
  current: boolean;
  /** The device's name, as given at login. */
  device: string;
  /** When the session expires unless it is refreshed. */
  expires_at: Timestamp;
  /** The session's id. */
  id: SessionId;
  /** The address that last used the session. */
  ip: string;
  /** The time of the last refresh. */
  last_used_at: Timestamp;
};

/** A login on a device; the `sid` of its access tokens. */
export type SessionId = number;

/** The settings of a room. */
export type Settings = {
  /** Whether the room is archived and refuses messages. */
  archived: boolean;
  /** Whether system messages (joined, left, renamed, …) count as unread, lift the room in lists and are its `last_message`. */
  count_system_messages: boolean;
  /** Whether members who leave or are removed while this is on can still read the room up to that time, without messages unsent later. */
  past_members_read: boolean;
  /** Minimum interval in seconds between messages of a member (slow mode); 0 disables it. Admins and owners are exempt. */
  slow_mode_seconds: number;
  /** Who may add and invite users. */
  who_adds: Whoever;
  /** Who may send messages. */
  who_writes: Whoever;
};

/** Storage usage and quota. Counts pending, unused and attached uploads once each. Unsent and replaced uploads no longer count; those of a deleted
 * room stop counting some minutes later. */
export type Storage = {
  /** The number of images and files used. */
  files: number;
  /** The quota of images and files; null without a limit. */
  files_limit?: number | null;
  /** The quota in bytes; null without a limit. */
  limit_bytes?: number | null;
  /** The bytes used. */
  used_bytes: number;
};

/** The keys of a subscription in base64url. */
export type SubscriptionKeys = {
  /** The authentication secret of 16 bytes. */
  auth: string;
  /** The browser's public key. */
  p256dh: string;
};

/** A single-use credential for opening a WebSocket from a browser. */
export type Ticket = {
  /** Lifetime in seconds. */
  expires_in: number;
  /** The value for the query parameter `ticket`; valid once. */
  ticket: string;
  /** The socket's URL, including the ticket. */
  url: string;
};

/** Milliseconds since 1970-01-01T00:00:00Z. Serialised as RFC 3339 with milliseconds; `ts` in frames is the bare number. */
export type Timestamp = string;

/** An access token, and the refresh token that renews it. */
export type Tokens = {
  /** The token for `Authorization: Bearer …`. */
  access_token: string;
  /** Lifetime of the access token in seconds. */
  expires_in: number;
  /** Renews the access token; valid once. Each refresh returns a new one. */
  refresh_token: string;
  /** A copy of `access_token`, only in responses of legacy routes. */
  token?: string | null;
  /** Always `Bearer`. */
  token_type: string;
};

/** The caller's unread messages in all rooms. */
export type Unread = {
  /** The number that mention the caller. */
  mentions: number;
  /** The rooms with unread messages. */
  rooms: RoomUnread[];
  /** The total. */
  total: number;
};

/** An upload, for its owner and for everyone who may see what it is attached to. */
export type Upload = {
  /** The content type: as announced until verification. */
  content_type: string;
  /** When the upload was announced. */
  created_at: Timestamp;
  /** The duration of audio or video in milliseconds, if its header has it. */
  duration?: number | null;
  /** The owner's file name. */
  file_name: string;
  /** The height of an image or video in pixels. */
  height?: number | null;
  /** A blurhash to display while the image, or the poster of a video, loads. */
  placeholder?: string | null;
  /** The purpose. */
  purpose: Purpose;
  /** Why the upload was rejected: `size_mismatch`, `type_mismatch`, `type_refused`, `not_a_picture`, `too_many_pixels` or `too_complex`. */
  reason?: string | null;
  /** The size in bytes, which changes when an image is re-encoded. */
  size: number;
  /** The state. */
  state: UploadState;
  /** The URL of the thumbnail of an image, or of a video with a poster. */
  thumbnail_url?: string | null;
  /** The upload's id. */
  upload_id: UploadId;
  /** The URL of the bytes, once ready. */
  url?: string | null;
  /** The width of an image or video in pixels. */
  width?: number | null;
};

/** An announced upload. */
export type UploadId = number;

/** The state of an upload. */
export type UploadState = "pending" | "ready" | "rejected";

/** How to send the bytes: one request, directly to the object store. */
export type UploadTicket = {
  /** When the URL expires. The upload itself expires after a day. */
  expires_at: Timestamp;
  /** Required headers besides `content-length`. */
  headers: Record<string, string>;
  /** The method of the request. */
  method: string;
  /** The upload. */
  upload_id: UploadId;
  /** The URL of the request, signed for this content type and size. */
  url: string;
};

/** A user's public profile. */
export type User = {
  /** A short text about the user. */
  about: string;
  /** The URL of the avatar, if set. */
  avatar_url?: string | null;
  /** When the account was created. */
  created_at: Timestamp;
  /** The display name in any script. */
  display_name: string;
  /** The user's id. */
  id: UserId;
  /** What the display name looks like, as one or two opaque keys; empty without a name. Two users that share a key look alike: show their usernames
   * beside the names. Compare keys that are in view together and do not store them, as later releases may compute others. */
  name_keys: string[];
  /** The username: unique regardless of case; ASCII letters, digits, `.`, `_` and `-`. */
  username: string;
};

/** A changed profile. */
export type UserChange = User & {
  /** The time of the change in epoch milliseconds, as in `user.updated`. */
  ts: number;
};

/** A user. */
export type UserId = number;

/** An invalid field. Never contains the value. */
export type Violation = {
  /** Stable snake_case code, for example `too_long`. */
  code: string;
  /** A message for people. */
  detail: string;
  /** Path of the field, for example `content` or `user_ids[3]`. */
  field: string;
};

/** Who may see or do something. */
export type Visibility = "everyone" | "friends" | "nobody";

/** Which members may do something. */
export type Whoever = "members" | "admins";

/** One page of a list. */
export type Page<T> = {
  /** The items of this page. */
  items: T[];
  /** The cursor of the next page; null on the last page. */
  next?: string | null;
};

/** Marks all messages up to a `seq` as delivered. Clients that read a message at once need only `read`. Without an `id` there is no `ack`. */
export type DeliveredAction = {
  action: "delivered";
  id?: Called;
} & (Mark & {
  /** The room; defaults to the socket's own room. */
  room_id?: RoomRef | null;
});

/** Edits a message of the user. */
export type EditAction = {
  action: "edit";
  id?: Called;
} & Place & NewContent;

/** The first frame: requests the user and the rooms. With `rooms`, their changes follow the `welcome`. Limit: one catch-up per user at a time; beyond it an `error` (`rate_limited` with `retry_after`) follows the `welcome`: repeat `hello` later. */
export type HelloAction = {
  action: "hello";
  id?: Called;
} & {
  /** Whether changes come as `catch_up` frames for many rooms; otherwise as one `sync`, `room.left` or `room` per changed room. */
  packed?: boolean | null;
  /** Up to 100 known rooms, each with its `rev`. Their changes follow the `welcome`. */
  rooms?: Record<string, number> | null;
};

/** Joins a public room, or a room with an invitation or invite code. */
export type JoinAction = {
  action: "join";
  id?: Called;
} & {
  /** An invite code, for a room that is not public. */
  invite?: string | null;
  /** The room; defaults to the socket's own room. */
  room_id?: RoomRef | null;
};

/** Leaves a room. */
export type LeaveAction = {
  action: "leave";
  id?: Called;
} & {
  /** The new owner; required from the last owner. */
  owner?: UserId | null;
  /** The room. */
  room_id: RoomRef;
};

/** Sends a message in the form of legacy clients. */
export type MessageAction = {
  id?: Called;
} & {
  /** `sendmessage` when there is no `type`. Both are optional with `content`. */
  action?: string | null;
  /** The text. */
  content?: string | null;
  /** The text, or an object with `room_id`, `content` and `file_url`. */
  data?: OlderFields | null;
  /** `message`. */
  type?: string | null;
};

/** Checks the connection and returns the rooms that changed since. */
export type PingAction = {
  action: "ping";
  id?: Called;
} & {
  /** The `ts` of an earlier `pong`. */
  since?: number | null;
};

/** Adds a reaction to a message. */
export type ReactAction = {
  action: "react";
  id?: Called;
} & Place & NewReaction;

/** Marks all messages up to a `seq` as read, and so as delivered. Without an `id` there is no `ack`. */
export type ReadAction = {
  action: "read";
  id?: Called;
} & (Mark & {
  /** The room; defaults to the socket's own room. */
  room_id?: RoomRef | null;
});

/** Presents a fresh access token on the open socket; the `ack` confirms it. The socket lives as long as its session and stays open when a token is refused: `unauthenticated`, `token_expired` or `another_session`. */
export type RenewAction = {
  action: "renew";
  id?: Called;
} & {
  /** The token, bare or after `Bearer`, of the same user and session. */
  token: string;
};

/** Sends a message. The `ack` means *stored and pushed*; without one, retry with the same `client_id`. */
export type SendAction = {
  action: "send";
  id?: Called;
} & (NewMessage & {
  /** The room; defaults to the socket's own room, else General. */
  room_id?: RoomRef | null;
});

/** Returns the changes of a room since a `rev`. */
export type SyncAction = {
  action: "sync";
  id?: Called;
} & {
  /** The last `rev` known to the client; everything when absent. */
  rev?: number | null;
  /** The room; defaults to the socket's own room. */
  room_id?: RoomRef | null;
};

/** Starts or stops the typing indicator. Expires: repeat it every few seconds. Without an `id` there is no `ack`. */
export type TypingAction = {
  action: "typing";
  id?: Called;
} & {
  /** Whether the user is typing; defaults to true. */
  active?: boolean | null;
  /** The room; defaults to the socket's own room. */
  room_id?: RoomRef | null;
};

/** Removes a reaction from a message. */
export type UnreactAction = {
  action: "unreact";
  id?: Called;
} & Place & NewReaction;

/** Unsends a message for everyone. */
export type UnsendAction = {
  action: "unsend";
  id?: Called;
} & {
  /** The room. */
  room_id: RoomRef;
  /** The message's `seq`. */
  seq: number;
};

/** The action succeeded: stored and pushed. */
export type AckFrame = Ack & {
  type: "ack";
};

/** The last frame before the server closes the socket. */
export type ByeFrame = {
  /** The reason for programs: `session_ended`, `session_replaced`, `account_disabled`, `account_erased`, `too_many_connections` or
   * `too_many_frames`. */
  code: string;
  /** The reason for people. */
  reason: string;
  /** Whether the client should reconnect. */
  resume: boolean;
  type: "bye";
};

/** The changes of the rooms named in a `packed` `hello`. Follows `welcome`, in one or more frames. */
export type CatchUpFrame = {
  /** Further changed rooms without their changes: fetch them with `sync`, as after `room`. */
  changed: Changed[];
  /** The `id` of the client's frame. */
  id?: Called | null;
  /** Rooms that the recipient is no longer a member of, as in `room.left`. */
  left: RoomId[];
  /** Changed rooms, each as in `sync`. */
  rooms: RoomSync[];
  type: "catch_up";
};

/** The action failed. */
export type ErrorFrame = Refusal & {
  type: "error";
};

/** A friend request was accepted. */
export type FriendAcceptedFrame = Friendship & {
  type: "friend.accepted";
};

/** A friendship ended, or a friend request was withdrawn or declined. */
export type FriendRemovedFrame = {
  type: "friend.removed";
  /** The other user. */
  user_id: UserId;
};

/** The recipient received a friend request, or sent one from another device. */
export type FriendRequestFrame = Friendship & {
  type: "friend.request";
};

/** A member joined. */
export type MemberAddedFrame = {
  /** The new member. */
  member: Member;
  /** The room's revision. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  type: "member.added";
};

/** A member left or was removed. */
export type MemberRemovedFrame = {
  /** The room's revision. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  type: "member.removed";
  /** The former member. */
  user_id: UserId;
};

/** A member's role changed. */
export type MemberUpdatedFrame = {
  /** The member with the new role. */
  member: Member;
  /** The room's revision. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  type: "member.updated";
};

/** A message was sent. Clients update the room list from it. */
export type MessageFrame = Message & {
  /** The time of sending, in epoch milliseconds. */
  ts: number;
} & {
  type: "message";
};

/** A message was edited. */
export type MessageEditedFrame = Message & {
  type: "message.edited";
};

/** The recipient hid a message on another device. Sent only to the recipient. */
export type MessageHiddenFrame = {
  /** The recipient's `private_rev` after this change. */
  private_rev: number;
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
  type: "message.hidden";
};

/** A message was pinned or unpinned. */
export type MessagePinnedFrame = {
  /** The time of pinning; null after unpinning. */
  pinned_at?: Timestamp | null;
  /** The room's revision. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
  type: "message.pinned";
  /** The user who pinned or unpinned it. */
  user_id: UserId;
};

/** A message was unsent: its content, attachments and reactions are deleted, its `seq` remains. */
export type MessageUnsentFrame = {
  /** The time of unsending. */
  deleted_at: Timestamp;
  /** The user who unsent it: the sender or a moderator. */
  deleted_by: UserId;
  /** The room's revision. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  /** The message's `seq`. */
  seq: number;
  type: "message.unsent";
};

/** Messages of one room that were sent within about a second, in the order of their `seq`: in lively rooms instead of one `message` each. Only
 * with the subprotocol `conchat.v2`. */
export type MessagesFrame = {
  /** Two or more messages; each is applied like a `message` frame. */
  messages: Message[];
  type: "messages";
};

/** The response to `ping`. */
export type PongFrame = {
  /** The user's rooms that changed since; the latest 1,000. */
  changed: Changed[];
  /** Whether `changed` contains all of them; the list of rooms has the others. */
  complete: boolean;
  /** The `id` of the client's frame. */
  id?: Called | null;
  /** The user's current `private_rev`; absent without `since`. A higher one than the client knows reveals a lost frame. */
  private_rev?: number | null;
  /** The server's time in epoch milliseconds; pass it as `since` in the next `ping`. */
  ts: number;
  type: "pong";
};

/** The presence of a user changed, or is no longer visible to the recipient. */
export type PresenceFrame = Presence & {
  /** The time of the change, in epoch milliseconds; of two frames about one user the later one applies. */
  ts: number;
  /** The user. */
  user_id: UserId;
} & {
  type: "presence";
};

/** A reaction was added or removed. */
export type ReactionFrame = ReactionChange & {
  type: "reaction";
};

/** A member's read marker moved. In rooms with up to 100 members it is sent to the senders of the messages that the marker passed, of at most the
 * newest 100, and in all rooms to the member's other sockets, with `unread`. Who sends a message has read those before it: no frame says so. */
export type ReceiptFrame = Receipt & {
  type: "receipt";
};

/** A room changed in a way that no other frame describes, or changes too often for single frames. Fetch the changes since your `rev`. Or: The room's profile changed: name, topic, avatar or settings. Or: A property of the room that only the recipient sees changed, such as muting. */
export type RoomFrame = {
  /** The room's revision. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  type: "room";
} | {
  /** The room's revision. */
  rev: number;
  /** The new profile; other properties of the room are unchanged. */
  room: Facts;
  /** The room. */
  room_id: RoomId;
  type: "room";
} | {
  /** The recipient's `private_rev` after this change, if it has one. */
  private_rev?: number | null;
  /** The room's revision. */
  rev: number;
  /** The room as the recipient sees it. */
  room: Room;
  /** The room. */
  room_id: RoomId;
  type: "room";
};

/** The recipient closed a direct room. It returns to their list with the next message, or when they open it. */
export type RoomClosedFrame = {
  /** The `seq` of the room's last message at that time. */
  last_seq: number;
  /** The recipient's `private_rev` after this change. */
  private_rev: number;
  /** The room. */
  room_id: RoomId;
  type: "room.closed";
};

/** The room was deleted. */
export type RoomDeletedFrame = {
  /** The room. */
  room_id: RoomId;
  type: "room.deleted";
};

/** The recipient was invited to a room. Joining it accepts; `DELETE /api/rooms/{room_id}/invitation` declines. */
export type RoomInvitedFrame = Invitation & {
  type: "room.invited";
};

/** The recipient became a member of the room, or reopened a direct room. */
export type RoomJoinedFrame = {
  /** The recipient's `private_rev` after this change, if it has one. */
  private_rev?: number | null;
  /** The room as the recipient sees it. */
  room: Room;
  type: "room.joined";
};

/** The recipient is no longer a member and gets no further frames of this room. */
export type RoomLeftFrame = {
  /** The room. */
  room_id: RoomId;
  type: "room.left";
};

/** An invitation of the recipient ended: declined or withdrawn. */
export type RoomUninvitedFrame = {
  /** The room. */
  room_id: RoomId;
  type: "room.uninvited";
};

/** The changes of a room: the response to `sync`. Also follows `welcome` for each changed room named in `hello`, unless `packed` is set. */
export type SyncFrame = RoomSync & {
  /** The `id` of the client's frame. */
  id?: Called | null;
} & {
  type: "sync";
};

/** A member started or stopped typing. The state expires after six seconds. Of a room, three members per two seconds are announced. */
export type TypingFrame = {
  /** Whether the member is typing. */
  active: boolean;
  /** The room. */
  room_id: RoomId;
  type: "typing";
  /** The member. */
  user_id: UserId;
  /** The member's username. */
  username: string;
};

/** An upload of the recipient was verified and is ready for use. */
export type UploadReadyFrame = Upload & {
  type: "upload.ready";
};

/** The recipient blocked or unblocked a user. */
export type UserBlockedFrame = {
  /** Whether the recipient now blocks the user. */
  blocked: boolean;
  /** The recipient's `private_rev` after this change. */
  private_rev: number;
  type: "user.blocked";
  /** The other user. */
  user_id: UserId;
};

/** The profile of a user changed: a new name, text or avatar, or the account was erased. Sent to friends and to members of direct rooms and of the
 * latest 100 rooms with up to 100 members, not across a block; others learn of it from `GET /api/sync`. The user's own devices also get `me`. */
export type UserUpdatedFrame = {
  /** The recipient's own profile with private fields, also when only those changed. */
  me?: Me | null;
  /** The recipient's `private_rev` after this change, if it has one. */
  private_rev?: number | null;
  /** The new profile. */
  profile: User;
  /** The time of the change, in epoch milliseconds; of two frames about one user the later one applies. */
  ts: number;
  type: "user.updated";
};

/** The response to `hello`. */
export type WelcomeFrame = {
  /** Whether `rooms` contains all rooms. */
  complete: boolean;
  /** The id of this connection. */
  connection_id: string;
  /** The cursor for `GET /api/sync` that names all of the user's rooms as known. */
  cursor: string;
  /** The `id` of the client's frame. */
  id?: Called | null;
  /** The latest 20 open invitations; `GET /api/rooms?scope=invited` lists all. */
  invited: Invitation[];
  /** Online users among friends and direct-room partners who share their presence; null when presence is unavailable. */
  online?: UserId[] | null;
  /** The number of changes of what only the user sees or sets: profile, settings, blocks, hidden messages, muted and closed rooms. Frames about such
   * changes carry it; a hole is a lost frame, which `GET /api/sync` repeats. */
  private_rev: number;
  /** When to have opened the next socket; this one closes soon after. */
  reconnect_before: Timestamp;
  /** The user's rooms by latest activity, as many as fit a frame; `GET /api/rooms?scope=joined` lists all. */
  rooms: Room[];
  /** The server's time. */
  server_time: Timestamp;
  type: "welcome";
  /** The authenticated user. */
  user: Me;
};

/** Everything that a client can ask. */
export type Action =
  | DeliveredAction
  | EditAction
  | HelloAction
  | JoinAction
  | LeaveAction
  | MessageAction
  | PingAction
  | ReactAction
  | ReadAction
  | RenewAction
  | SendAction
  | SyncAction
  | TypingAction
  | UnreactAction
  | UnsendAction;

/** Every frame that a client receives. */
export type Frame =
  | AckFrame
  | ByeFrame
  | CatchUpFrame
  | ErrorFrame
  | FriendAcceptedFrame
  | FriendRemovedFrame
  | FriendRequestFrame
  | MemberAddedFrame
  | MemberRemovedFrame
  | MemberUpdatedFrame
  | MessageFrame
  | MessageEditedFrame
  | MessageHiddenFrame
  | MessagePinnedFrame
  | MessageUnsentFrame
  | MessagesFrame
  | PongFrame
  | PresenceFrame
  | ReactionFrame
  | ReceiptFrame
  | RoomFrame
  | RoomClosedFrame
  | RoomDeletedFrame
  | RoomInvitedFrame
  | RoomJoinedFrame
  | RoomLeftFrame
  | RoomUninvitedFrame
  | SyncFrame
  | TypingFrame
  | UploadReadyFrame
  | UserBlockedFrame
  | UserUpdatedFrame
  | WelcomeFrame;
