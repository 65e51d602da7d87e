/* What HTTP answers, and what goes over the socket. Made from openapi.json and asyncapi.json by tests/wire.mjs: do not edit. */

/** What a person is to the deployment. */
export type AccountRole = "user" | "admin";

/** How an account stands. */
export type AccountState = "active" | "disabled" | "erasing" | "erased";

/** The one positive answer to an action. */
export type Ack = {
  /** The sender's own key. */
  client_id?: string | null;
  /** What the client's frame was called. */
  id?: Called | null;
  /** The message's number. */
  message_id?: MessageId | null;
  /** The room's count of changes. */
  rev?: number | null;
  /** The room it was about. */
  room_id?: RoomId | null;
  /** The message's place. */
  seq?: number | null;
};

/** What became of the people who were to be added. */
export type Additions = {
  /** Members from now on. */
  added: UserId[];
  /** Members before. */
  already: UserId[];
  /** Asked, and members once they agree: they left by themselves, or do not let the caller add them. */
  invited: UserId[];
  /** Those who could not be added, and why. */
  refused: Refused[];
};

/** An account as operators see it. */
export type AdminAccount = User & {
  /** When it was disabled, if it is. */
  disabled_at?: Timestamp | null;
  /** The e-mail address, if one was given. */
  email?: string | null;
  /** When a session of it was last refreshed or made. */
  last_used_at?: Timestamp | null;
  /** What the person is to the deployment. */
  role: AccountRole;
  /** Live sessions. */
  sessions: number;
  /** How the account stands. */
  state: AccountState;
};

/** A report, open or closed, and the room of its message. */
export type AdminReport = Report & {
  /** When it was closed, if it is. */
  closed_at?: Timestamp | null;
  /** By whom: an admin of the room, or an operator. */
  closed_by?: UserId | null;
};

/** A room as operators see it: nothing of what is said there. */
export type AdminRoom = {
  /** When something was last written there. */
  active_at: Timestamp;
  /** Whether nothing can be written any more. */
  archived: boolean;
  /** When it was made. */
  created_at: Timestamp;
  /** Who made it. */
  created_by?: UserId | null;
  /** The room's id. */
  id: RoomId;
  /** What it is. */
  kind: RoomKind;
  /** How many messages were sent there. */
  last_seq: number;
  /** How many people are in it. */
  members_count: number;
  /** Its name; empty for a direct room. */
  name: string;
  /** Its name in URLs, if it has one. */
  slug?: string | null;
  /** What it is about. */
  topic: string;
};

/** A picture or a file of a message. */
export type Attachment = {
  /** What the bytes are. */
  content_type: string;
  /** The sender's name for the file. */
  file_name: string;
  /** Pixels, of a picture. */
  height?: number | null;
  /** How to show it. */
  kind: AttachmentKind;
  /** A blurhash to show while the picture loads. */
  placeholder?: string | null;
  /** Bytes. */
  size: number;
  /** Where a small version is, of a picture. */
  thumbnail_url?: string | null;
  /** The upload behind it. */
  upload_id: UploadId;
  /** Where the bytes are. */
  url: string;
  /** Pixels, of a picture. */
  width?: number | null;
};

/** How an attachment is shown. */
export type AttachmentKind = "image" | "file";

/** Something that an operator did. */
export type AuditEntry = {
  /** What: `user.disable`, `user.enable`, `user.erase`, `user.sessions`, `user.promote`, `user.demote`, `report.close`, `room.archive`,
   * `room.unarchive` or `room.delete`. */
  action: string;
  /** Who; null for the command line of the deployment. */
  actor?: User | null;
  /** When. */
  at: Timestamp;
  /** Its number; later acts have higher ones. */
  id: AuditId;
  /** The address that it came from. */
  ip: string;
  /** On which report. */
  report_id?: ReportId | null;
  /** On which room. */
  room_id?: RoomId | null;
  /** On whom. */
  user?: User | null;
};

/** Something that an operator did. */
export type AuditId = number;

/** Answer to registering and logging in. */
export type Authenticated = Tokens & {
  /** Oneself. */
  user: Me;
};

/** What a client calls a frame: echoed in the answer. At most 80 characters as JSON; anything else is no name, and not echoed. */
export type Called = string | number;

/** Body of `PATCH /api/admin/rooms/{room_id}`. */
export type ChangeAdminRoom = {
  /** Whether nothing can be written any more. */
  archived: boolean;
};

/** Body of `PATCH /api/users/me`: what is absent stays as it is. */
export type ChangeMe = {
  /** A few words about oneself, at most 500 characters. */
  about?: string | null;
  /** What people see: 1–64 characters. */
  display_name?: string | null;
  /** The e-mail address that one can log in by; null removes it. Another one than before takes the `password`. */
  email?: string | null;
  /** The present password, for another e-mail address; not looked at otherwise. */
  password?: string | null;
  /** What one chooses. */
  settings?: ChangeMySettings;
};

/** Body of `PATCH /api/rooms/{room_id}/members/{user_id}`. */
export type ChangeMember = {
  /** What the member may do from now on. */
  role: Role;
};

/** Choices to change: what is absent stays as it is. */
export type ChangeMySettings = {
  /** Who may add one to rooms; whoever else wants to, asks. */
  added_by?: Visibility | null;
  /** Of which messages one's devices are notified while one is away. */
  notifications?: Notifications | null;
  /** Who may see whether one is online, and when one last was. */
  presence?: Visibility | null;
};

/** Body of `PUT /api/auth/password`. */
export type ChangePassword = {
  /** The present password. */
  current: string;
  /** The new one: 8–128 characters; common ones are refused. */
  new: string;
};

/** Body of `PUT /api/admin/users/{user_id}/role`. */
export type ChangeRole = {
  /** What the person is from now on. */
  role: AccountRole;
};

/** Body of `PATCH /api/rooms/{room_id}`: what is absent stays as it is. */
export type ChangeRoom = {
  /** Whether nothing can be written any more. */
  archived?: boolean | null;
  /** One's own upload of the purpose `avatar` that is ready and not used yet; null takes the avatar away. */
  avatar_upload_id?: number | null;
  /** 1–100 characters. */
  name?: string | null;
  /** Rules of the room. */
  settings?: ChangeSettings;
  /** At most 500 characters. */
  topic?: string | null;
};

/** Rules to change: what is absent stays as it is. */
export type ChangeSettings = {
  /** Whether someone who leaves, or is removed, while this is on may still read what came before: the room as it was then, without what is taken back
   * later. */
  past_members_read?: boolean | null;
  /** Seconds between two messages of one member, at most 86400; 0 ends slow mode. */
  slow_mode_seconds?: number | null;
  /** Who may add people and invite them. */
  who_adds?: Whoever | null;
  /** Who may write. */
  who_writes?: Whoever | null;
};

/** A room and its count of changes. */
export type Changed = {
  /** Its count of changes. */
  rev: number;
  /** The room. */
  room_id: RoomId;
};

/** One store. */
export type Checked = {
  /** `mysql`, `connections_table`, `ephemeral_table` or `media_bucket`. */
  name: string;
  /** `ok`, `unreachable`, or `outdated` when migrations have to run. */
  status: string;
};

/** From whom to whom a request went. */
export type Direction = "in" | "out";

/** An earlier text of an edited message. */
export type Edit = {
  /** The text. */
  content: string;
  /** When it was replaced. */
  edited_at: Timestamp;
  /** 1 is the text as it was first sent. */
  version: number;
};

/** Body of `DELETE /api/users/me`. */
export type Erase = {
  /** The present password. */
  password: string;
};

/** A part of an export. The lists of all parts belong one behind the other. */
export type Export = {
  /** Oneself; in the first part. */
  account?: Me | null;
  /** People whom one has blocked. */
  blocks: ExportedBlock[];
  /** What one's messages said before they were edited. */
  edits: ExportedEdit[];
  /** Friends, and requests for friendship. */
  friends: ExportedFriend[];
  /** Messages that one hid from oneself. */
  hidden: ExportedHidden[];
  /** Invitations of single people: those that one made, and those that one got. */
  invitations: ExportedInvitation[];
  /** Invitations that one made. */
  invites: ExportedInvite[];
  /** Messages that one wrote. */
  messages: ExportedMessage[];
  /** Pass it as `cursor` to get the next part; null at the end. */
  next?: string | null;
  /** What one reacted with. */
  reactions: ExportedReaction[];
  /** When one read what. */
  receipts: ExportedReceipt[];
  /** Messages that one reported. */
  reports: ExportedReport[];
  /** Rooms that one is in or was in. */
  rooms: ExportedRoom[];
  /** Logins on devices, ended ones included. */
  sessions: ExportedSession[];
  /** Devices that are notified while one is away. */
  subscriptions: ExportedSubscription[];
  /** Pictures and files that one sent. */
  uploads: ExportedUpload[];
};

/** Somebody whom one has blocked. */
export type ExportedBlock = {
  /** When. */
  created_at: Timestamp;
  /** Who. */
  user_id: UserId;
};

/** What a message of one's own said before it was edited. */
export type ExportedEdit = {
  /** The text. */
  content: string;
  /** When it was replaced. */
  edited_at: Timestamp;
  /** The room. */
  room_id: RoomId;
  /** The message's place. */
  seq: number;
  /** 1 is the text as it was first sent. */
  version: number;
};

/** A friend, or somebody who might become one. */
export type ExportedFriend = {
  /** When the other one agreed. */
  accepted_at?: Timestamp | null;
  /** When. */
  requested_at: Timestamp;
  /** Who asked. */
  requested_by: UserId;
  /** The other one. */
  user_id: UserId;
};

/** A message that one hid from oneself. */
export type ExportedHidden = {
  /** When. */
  created_at: Timestamp;
  /** The room. */
  room_id: RoomId;
  /** The message's place. */
  seq: number;
};

/** An invitation of one person to one room. */
export type ExportedInvitation = {
  /** When. */
  invited_at: Timestamp;
  /** By whom. */
  invited_by: UserId;
  /** The room. */
  room_id: RoomId;
  /** Who was asked. */
  user_id: UserId;
};

/** An invitation that one made. */
export type ExportedInvite = {
  /** Its code. */
  code: string;
  /** When. */
  created_at: Timestamp;
  /** To which room. */
  room_id: RoomId;
};

/** A message that one wrote, or a line of the system about what one did. */
export type ExportedMessage = {
  /** The text; empty once it is unsent. */
  content: string;
  /** When it was sent. */
  created_at: Timestamp;
  /** When it was unsent. */
  deleted_at?: Timestamp | null;
  /** When it was last edited. */
  edited_at?: Timestamp | null;
  /** Its number. */
  id: MessageId;
  /** `text`, `image`, `file` or `system`. */
  kind: string;
  /** The message that it answers. */
  reply_to_seq?: number | null;
  /** Its room. */
  room_id: RoomId;
  /** Its place there. */
  seq: number;
};

/** What one reacted with. */
export type ExportedReaction = {
  /** When. */
  created_at: Timestamp;
  /** One emoji. */
  emoji: string;
  /** The room. */
  room_id: RoomId;
  /** The message's place. */
  seq: number;
};

/** An act of reading. */
export type ExportedReceipt = {
  /** The first message that was read. */
  from_seq: number;
  /** When. */
  read_at: Timestamp;
  /** The room. */
  room_id: RoomId;
  /** The last one. */
  to_seq: number;
};

/** A message that one reported. */
export type ExportedReport = {
  /** When. */
  created_at: Timestamp;
  /** Its number. */
  id: ReportId;
  /** What one said about it. */
  reason: string;
  /** The message's room. */
  room_id: RoomId;
  /** The message's place. */
  seq: number;
};

/** A room that one is in or was in. */
export type ExportedRoom = {
  /** When one joined. */
  joined_at: Timestamp;
  /** `direct`, `group` or `public`. */
  kind: string;
  /** Until when one wants to hear nothing of it. */
  muted_until?: Timestamp | null;
  /** Its name; of rooms that one has left, and of direct ones, empty. */
  name: string;
  /** The last message that one has read. */
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
  /** When it began. */
  created_at: Timestamp;
  /** What the device is called. */
  device: string;
  /** When it ends, or ended, by itself. */
  expires_at: Timestamp;
  /** Its number. */
  id: SessionId;
  /** The address that it was last used from. */
  ip: string;
  /** When it was last refreshed. */
  last_used_at: Timestamp;
  /** When it was ended. */
  revoked_at?: Timestamp | null;
};

/** A device that is notified. */
export type ExportedSubscription = {
  /** When it subscribed. */
  created_at: Timestamp;
  /** Where its push service takes notifications for it. */
  endpoint: string;
  /** The login that it belongs to. */
  session_id: SessionId;
};

/** A picture or a file. Its bytes are at `/api/uploads/{id}/content`. */
export type ExportedUpload = {
  /** What its bytes are. */
  content_type: string;
  /** When it was announced. */
  created_at: Timestamp;
  /** What one called it. */
  file_name: string;
  /** Its number. */
  id: UploadId;
  /** `avatar`, `image` or `file`. */
  purpose: string;
  /** Where it was sent, if it was. */
  room_id?: RoomId | null;
  /** The message that it hangs on. */
  seq?: number | null;
  /** Bytes. */
  size: number;
};

/** What a room says of itself, the same to everyone. */
export type Facts = {
  /** Where its avatar is, if it has one. */
  avatar_url?: string | null;
  /** Its name. */
  name: string;
  /** Its rules. */
  settings: Settings;
  /** What it is about. */
  topic: string;
};

/** A message to pass on; the sender must be able to read it. */
export type Forward = {
  /** Its room: `7`, `room-7` or a slug. */
  room_id: RoomRef;
  /** Its place there. */
  seq: number;
};

/** Who wrote a forwarded message first. Where it stood is not told: the reader may not see that room. */
export type Forwarded = {
  /** When it was first sent. */
  created_at: Timestamp;
  /** The first writer's username. */
  username?: string | null;
};

/** A message that was found. */
export type Found = {
  /** What of its `content` matches the words and phrases, ascending and without overlap. */
  highlights: Highlight[];
  /** The message. Its reactions are left empty. */
  message: Message;
};

/** How far a friendship has come. */
export type FriendState = "pending" | "accepted";

/** A friendship, or the request for one, as one of the two sees it. */
export type Friendship = {
  /** Since when the two are friends. */
  accepted_at?: Timestamp | null;
  /** Who asked. */
  direction: Direction;
  /** When. */
  requested_at: Timestamp;
  /** Whether it waits for an answer. */
  state: FriendState;
  /** The other one. */
  user: Person;
};

/** That the service runs. */
export type Health = {
  /** Always `ok`. */
  status: string;
  /** The server's clock. */
  time: Timestamp;
  /** The version of this build. */
  version: string;
};

/** A part of a text, in Unicode characters (code points): `[...content].slice(from, to)` in JavaScript. */
export type Highlight = {
  /** The first character. */
  from: number;
  /** The one after the last. */
  to: number;
};

/** A run of history, ascending by `seq`. */
export type History = {
  /** The messages, oldest first. */
  items: Message[];
  /** The seq of the room's last message. */
  last_seq: number;
  /** Pass it as `before` for older messages (as `after` for newer ones, where those were asked for); null at the end of what the caller may read. */
  next?: string | null;
  /** The room's count of changes when this was read. */
  rev: number;
};

/** An invitation that waits for the answer of the person who reads it. */
export type Invitation = {
  /** When. */
  invited_at: Timestamp;
  /** By whom. */
  inviter: User;
  /** To where: joining it accepts. */
  room: InvitedRoom;
};

/** Whoever has its code may join the room. */
export type Invite = {
  /** What opens the room: pass it as `invite` when joining. */
  code: string;
  /** When it was made. */
  created_at: Timestamp;
  /** Who made it. */
  created_by: UserId;
  /** When it ends; null is never. */
  expires_at?: Timestamp | null;
  /** The room. */
  room_id: RoomId;
  /** How many more may use it; null is any number. */
  uses_left?: number | null;
};

/** An invitation that a room made and that was not answered yet, as its members see it. */
export type Invited = {
  /** When. */
  invited_at: Timestamp;
  /** By whom. */
  invited_by: UserId;
  /** Who is asked. */
  user: User;
};

/** A room as somebody sees it who is asked to come in: nothing of what is inside. */
export type InvitedRoom = {
  /** Where its avatar is, if it has one; the person may see it. */
  avatar_url?: string | null;
  /** The room's id. */
  id: RoomId;
  /** What it is. */
  kind: RoomKind;
  /** How many members it has. */
  members_count: number;
  /** Its name. */
  name: string;
};

/** Body of `POST /api/rooms/{room_id}/join`. */
export type Join = {
  /** The code of an invitation, for rooms that are not public. */
  invite?: string | null;
};

/** Body of `POST /api/rooms/{room_id}/leave`. */
export type Leave = {
  /** The member who owns the room from now on; needed of the last owner. */
  owner?: UserId | null;
};

/** How much more a person may keep; null where there is no limit. */
export type Left = {
  /** Bytes. */
  bytes?: number | null;
  /** Pictures and files. */
  files?: number | null;
};

/** A URL that needs no credential, for `<img>` and other readers that can send none. */
export type Link = {
  /** Until when it works. */
  expires_at: Timestamp;
  /** The URL. */
  url: string;
};

/** Body of `POST /api/auth/login`: one of `username` and `email`. */
export type Login = {
  /** What this device is called in the list of sessions, at most 64 characters. */
  device?: string | null;
  /** Or the e-mail address. */
  email?: string | null;
  /** The password. */
  password: string;
  /** The username. */
  username?: string | null;
};

/** Body of `PUT …/read` and `PUT …/delivered`. */
export type Mark = {
  /** The last message that was read, or that reached a device; one beyond the room's end means the end. */
  seq: number;
};

/** Oneself: a [`User`] and what only oneself may know. */
export type Me = User & {
  /** The e-mail address, if one was given. */
  email?: string | null;
  /** `user`, or `admin` for an operator of this deployment. */
  role: string;
  /** What one has chosen. */
  settings: MySettings;
};

/** Someone in a room. */
export type Member = {
  /** The last message that reached one of their devices; null as `read_seq` is. */
  delivered_seq?: number | null;
  /** When they joined. */
  joined_at: Timestamp;
  /** The last message that they have read; null when that is not the reader's to know, and in frames, which are the same for all. */
  read_seq?: number | null;
  /** What they may do. */
  role: Role;
  /** The person. */
  user: User;
};

/** A membership as it is now. */
export type MemberChange = {
  /** The last message that reached one of their devices; null as `read_seq` is. */
  delivered_seq?: number | null;
  /** When they joined last. */
  joined_at: Timestamp;
  /** The last message that they have read; null when that is not the reader's to know. */
  read_seq?: number | null;
  /** The room's `rev` when the membership last changed. */
  rev: number;
  /** What they may do, as a member. */
  role: Role;
  /** Whether they are in the room. */
  state: MemberState;
  /** The person. */
  user: User;
  /** Whose it is. */
  user_id: UserId;
};

/** Whether a person is in a room. */
export type MemberState = "joined" | "left" | "banned";

/** A message. */
export type Message = {
  /** Pictures and files. */
  attachments: Attachment[];
  /** The sender's own key for it. */
  client_id?: string | null;
  /** The text; empty once the message is unsent. */
  content: string;
  /** When it was sent. */
  created_at: Timestamp;
  /** When it was unsent. */
  deleted_at?: Timestamp | null;
  /** Who unsent it: the writer, or a moderator. */
  deleted_by?: UserId | null;
  /** When it was last edited. */
  edited_at?: Timestamp | null;
  /** What a system message tells, for programs: `member.joined`, `member.left`, `room.renamed` … */
  event?: string | null;
  /** Who wrote it first, when it was forwarded from elsewhere. */
  forwarded?: Forwarded | null;
  /** The message's number across all rooms. */
  id: MessageId;
  /** What it is. */
  kind: MessageKind;
  /** Members that the text mentions as `@name`. */
  mentions: UserId[];
  /** When it was pinned, if it is. */
  pinned_at?: Timestamp | null;
  /** How many reacted with what, in the order of the emoji's code points. The last messages of room lists leave this empty. */
  reactions: Reaction[];
  /** What it answers. */
  reply_to?: Reply | null;
  /** The room's `rev` when the message last changed. */
  rev: number;
  /** Its room. */
  room_id: RoomId;
  /** Who wrote it; of a system message, who did what it tells. */
  sender_id?: UserId | null;
  /** Its place in the room: 1, 2, 3 … without holes. */
  seq: number;
  /** That person's username. */
  username?: string | null;
};

/** A message, across all rooms; inside its room a message is named by its `seq`. */
export type MessageId = number;

/** What a message is. */
export type MessageKind = "text" | "image" | "file" | "system";

/** Body of `PUT /api/rooms/{room_id}/mute`. */
export type Mute = {
  /** Until when to hear nothing; null ends it. */
  until?: Timestamp | null;
};

/** What a person has chosen; nobody else sees it. */
export type MySettings = {
  /** Who may add one to rooms; whoever else wants to, asks. Nobody does across a block. */
  added_by: Visibility;
  /** Of which messages one's devices are notified while one is away. */
  notifications: Notifications;
  /** Who may see whether one is online, and when one last was. */
  presence: Visibility;
};

/** Oneself, and how much one keeps. */
export type Myself = Me & {
  /** What one keeps in pictures and files. */
  storage: Storage;
};

/** Body of `PUT /api/users/me/avatar`, and part of changing a room. */
export type NewAvatar = {
  /** One's own upload that is ready, made for this purpose and not used yet. */
  upload_id: UploadId;
};

/** Body of `PATCH …/messages/{seq}`. */
export type NewContent = {
  /** The new text, under the rules of sending. */
  content: string;
};

/** Body of `POST /api/friends/requests`: one person, by id or by name. */
export type NewFriend = {
  /** By id. */
  user_id?: UserId | null;
  /** By username. */
  username?: string | null;
};

/** Body of `POST /api/rooms/{room_id}/invites`. */
export type NewInvite = {
  /** Seconds that it lasts, 60 to 31536000 (a year); for ever when absent. */
  expires_in?: number | null;
  /** How many may use it, 1 to 10000; any number when absent. */
  uses?: number | null;
};

/** Body of `POST /api/rooms/{room_id}/members`: at most 100 people, by id or by name. */
export type NewMembers = {
  /** One person by id. */
  user_id?: UserId | null;
  /** By id. */
  user_ids?: UserId[];
  /** One person by username. */
  username?: string | null;
  /** By username. */
  usernames?: string[];
};

/** A message to be sent, as the body of a request or inside a `send` action. */
export type NewMessage = {
  /** One's own uploads that are ready and not attached yet, at most 10. */
  attachments?: UploadId[];
  /** The sender's own key, 1–64 characters: sending again with the same key gives the first message and never a second. */
  client_id?: string | null;
  /** 1 to `MAX_MESSAGE_LENGTH` (1000) characters, not only blanks. May be left out beside attachments. */
  content?: string | null;
  /** A message to pass on, instead of `content` and `attachments`. */
  forward?: Forward | null;
  /** The `seq` of a message of the same room that this one answers. */
  reply_to?: number | null;
};

/** Body of `PUT …/messages/{seq}/reactions`. */
export type NewReaction = {
  /** One emoji. */
  emoji: string;
};

/** Body of `POST /api/rooms/{room_id}/messages/{seq}/report`. */
export type NewReport = {
  /** Why, at most 500 characters. */
  reason?: string | null;
};

/** Body of `POST /api/rooms`. */
export type NewRoom = {
  /** `group` (by invitation) or `public`. */
  kind?: RoomKind | null;
  /** People who are members from the start, at most 100; who does not let the caller add them is asked. */
  member_ids?: UserId[];
  /** 1–100 characters. */
  name: string;
  /** At most 500 characters. */
  topic?: string | null;
};

/** Body of `PUT /api/push/subscription`: what the browser's `PushSubscription` says of itself as JSON, as it is. */
export type NewSubscription = {
  /** The `public_key` that it was made with; the present one when absent. */
  application_server_key?: string | null;
  /** A URL of the browser's push service; whoever has it may write there. */
  endpoint: string;
  /** The browser's keys. */
  keys: SubscriptionKeys;
};

/** Body of `POST /api/uploads`. */
export type NewUpload = {
  /** What the bytes are. Lies are found out. */
  content_type: string;
  /** The name that others see, 1–255 characters. Folders before it are dropped. */
  file_name: string;
  /** What it is for. */
  purpose: Purpose;
  /** How many bytes, exactly. */
  size: number;
};

/** Which stores do not answer: a problem document with the checks beside. */
export type NotReady = {
  /** Each store. */
  checks: Checked[];
  /** Always `not_ready`. */
  code: string;
  /** One sentence for a person. */
  detail: string;
  /** Quote it when reporting the problem; the logs know it. */
  request_id: string;
  /** The HTTP status. */
  status: number;
  /** The status' standard phrase. */
  title: string;
  /** A URI that names the kind of problem. */
  type: string;
};

/** What a service worker gets, as JSON: enough to show a message without asking anybody. */
export type Notification = {
  /** Words, pictures or files. */
  kind: MessageKind;
  /** Whether the message mentions the person. */
  mentioned: boolean;
  /** The beginning of the text; empty for a picture or a file without words. */
  preview: string;
  /** What the room is called; a direct one, like the other person. */
  room: string;
  /** The room. A newer notification of a room replaces an older one that was not delivered yet; use it as the `tag`, too. */
  room_id: RoomId;
  /** What kind of room it is. */
  room_kind: RoomKind;
  /** What that person is called. */
  sender: string;
  /** Who wrote it. */
  sender_id: UserId;
  /** The message's place. */
  seq: number;
  /** Always `message`. */
  type: string;
  /** How many messages of the room the person has not read. */
  unread: number;
  /** Where the web client shows the room: a path of its origin. */
  url: string;
};

/** Of which messages devices are notified. Rooms are muted one by one besides. */
export type Notifications = "all" | "mentions" | "none";

/** The message in the shape of a `message` frame with `data`. */
export type OlderData = {
  /** The text. */
  content: string;
  /** Where the first attachment is. */
  file_url?: string | null;
  /** The message's number. */
  message_id: MessageId;
  /** The room, as a text. */
  room_id: string;
};

/** What stands in `data`. */
export type OlderFields = string | {
  /** The text. */
  content?: string | null;
  /** Where a file is: one of our own uploads is attached, any other address stands in the text. */
  file_url?: string | null;
  /** The room; `roomId`, `conversation_id` and `conversationId` are read, too. */
  room_id?: RoomRef | null;
};

/** What older clients post. */
export type OlderMessage = {
  /** The sender's own key. */
  client_id?: string | null;
  /** The text; `message` is read, too. */
  content?: string | null;
  /** The room, in any form; `room_id`, `roomId`, `conversationId` are read, too. General when absent, and nobody is named. */
  conversation_id?: RoomRef | null;
  /** Or a person, whose direct room it goes to. */
  receiver_id?: UserId | null;
  /** The seq of a message that this one answers. */
  reply_to?: number | null;
};

/** An open report with all that is kept of its message. */
export type OpenReport = Report & {
  /** The texts that the message had had before, oldest first: the newest 200, and of those as many as 2 MB hold. */
  edits: Edit[];
};

/** A person, and whether they are there where that was asked for. */
export type Person = User & Partial<Presence>;

/** A message, by its place. */
export type Place = {
  /** The room. */
  room_id: RoomRef;
  /** The message's place. */
  seq: number;
};

/** Whether somebody is there, as far as the reader may know: to those who may not, both are null. */
export type Presence = {
  /** When the last of them was; null while one is, and for those who never were. */
  last_seen?: Timestamp | null;
  /** Whether one of their devices is connected, or was some seconds ago. */
  online?: boolean | null;
};

/** `application/problem+json` (RFC 9457). */
export type Problem = {
  /** Stable snake_case code for programs. */
  code: string;
  /** One sentence for a person. */
  detail: string;
  /** The fields that are wrong, if any. */
  errors?: Violation[];
  /** With `quota_exceeded`: how much still fits. */
  left?: Left | null;
  /** Quote it when reporting the problem; the logs know it. */
  request_id: string;
  /** The HTTP status. */
  status: number;
  /** The status' standard phrase. */
  title: string;
  /** A URI that names the kind of problem. */
  type: string;
};

/** What an upload is for. */
export type Purpose = "avatar" | "image" | "file";

/** What a browser needs to subscribe. */
export type PushKey = {
  /** The server's public key, for `applicationServerKey`: base64url, an uncompressed point of P-256. */
  public_key: string;
};

/** One kind of reaction to a message. */
export type Reaction = {
  /** How many reacted with it. */
  count: number;
  /** One emoji. */
  emoji: string;
  /** Whether the caller did; null in frames, which all members receive alike. */
  mine?: boolean | null;
};

/** A reaction that was given or taken back: the frame of it, and the answer to the request. */
export type ReactionChange = {
  /** Whether the reaction stands now. */
  added: boolean;
  /** How many react with this emoji now. */
  count: number;
  /** One emoji. */
  emoji: string;
  /** The room's count of changes with this one. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  /** The message's place. */
  seq: number;
  /** Who. */
  user_id: UserId;
};

/** Someone's reaction to a message. */
export type Reactor = {
  /** When. */
  created_at: Timestamp;
  /** One emoji. */
  emoji: string;
  /** Who. */
  user: User;
};

/** Which stores answer. */
export type Ready = {
  /** Each store. */
  checks: Checked[];
  /** Always `ready`. */
  status: string;
};

/** How far a member is: the answer to marking, and the frame of it. */
export type Receipt = {
  /** The last message that reached one of their devices; never before `read_seq`. */
  delivered_seq: number;
  /** The last message that they have read. */
  read_seq: number;
  /** The room. */
  room_id: RoomId;
  /** Messages of others after `read_seq` that were not unsent; told to oneself only. */
  unread?: number | null;
  /** Whose marks they are. */
  user_id: UserId;
};

/** Who has read one message, and whom it has reached. Its writer is in neither list. */
export type Receipts = {
  /** Members whom it has reached, those who have read it among them. */
  delivered: Seen[];
  /** Members who have read it. */
  read: Seen[];
};

/** Body of `POST /api/auth/refresh`. */
export type Refresh = {
  /** The refresh token that came last; it works once. */
  refresh_token: string;
};

/** The one negative answer to an action. */
export type Refusal = {
  /** The sender's own key, when the action carried one. */
  client_id?: string | null;
  /** Stable snake_case code. */
  code: string;
  /** One sentence for a person. */
  detail: string;
  /** What the client's frame was called. */
  id?: Called | null;
  /** Quote it when reporting the problem. */
  request_id: string;
  /** Seconds until the next try. */
  retry_after?: number | null;
};

/** Someone who could not be added. */
export type Refused = {
  /** `user_not_found`, `banned`, or `not_reachable`: not by the caller, whatever the reason. */
  code: string;
  /** The id that was given, or that the name belongs to. */
  user_id?: UserId | null;
  /** The name that was given. */
  username?: string | null;
};

/** Body of `POST /api/auth/register`. */
export type Register = {
  /** What this device is called in the list of sessions, at most 64 characters. */
  device?: string | null;
  /** What people see; the username when absent. 1–64 characters. */
  display_name?: string | null;
  /** Optional: another name to log in by. */
  email?: string | null;
  /** 8–128 characters; common ones are refused. */
  password: string;
  /** 3–32 of ASCII letters, digits, `.`, `_`, `-`; unique without case. */
  username: string;
};

/** What a message answers. */
export type Reply = {
  /** What it is: of a picture or a file without words this is all there is to show. */
  kind: MessageKind;
  /** Its beginning; empty when it was unsent. */
  preview: string;
  /** The answered message. */
  seq: number;
  /** Who wrote it. */
  username?: string | null;
};

/** A message that somebody found wrong. While the report is open it is shown as it was when it was reported, whatever became of it since. */
export type Report = {
  /** Pictures and files as they were reported; their URLs work for whoever may see the report. */
  attachments: Attachment[];
  /** The message's text: as it was reported, if that is kept, and else as it is now, empty once it is unsent. */
  content: string;
  /** When it was reported. */
  created_at: Timestamp;
  /** When it was unsent since, if it was. */
  deleted_at?: Timestamp | null;
  /** When it had last been edited by then. */
  edited_at?: Timestamp | null;
  /** The report's id. */
  id: ReportId;
  /** Whether what was reported is kept: it is from the report on until the report is closed. */
  kept: boolean;
  /** Why; empty when nothing was said. */
  reason: string;
  /** That person's username. */
  reporter?: string | null;
  /** Who reported it. */
  reporter_id: UserId;
  /** The room. */
  room_id: RoomId;
  /** That person's username. */
  sender?: string | null;
  /** Who wrote the message. */
  sender_id?: UserId | null;
  /** When the message was sent. */
  sent_at?: Timestamp | null;
  /** The message's place in it. */
  seq: number;
};

/** A report of a message. */
export type ReportId = number;

/** What a member may do. */
export type Role = "member" | "admin" | "owner";

/** A room as the caller sees it. */
export type Room = {
  /** Where its avatar is, if it has one. */
  avatar_url?: string | null;
  /** Whether a block parts the two people of a direct room, whoever made it: nothing can be written there. */
  blocked: boolean;
  /** Whether it is in no list of the caller's until there is a newer message: a direct room that they closed. */
  closed: boolean;
  /** When it was made. */
  created_at: Timestamp;
  /** The other one of a direct room; over HTTP with their presence. */
  direct_user?: Person | null;
  /** The room's id. */
  id: RoomId;
  /** Whether the caller is a member. */
  joined: boolean;
  /** What it is. */
  kind: RoomKind;
  /** Its last message, as far as the caller may read it. */
  last_message?: Message | null;
  /** The seq of its last message. */
  last_seq: number;
  /** How many members it has. */
  members_count: number;
  /** Unread messages that mention the caller. */
  mentions: number;
  /** Until when the caller wants to hear nothing of it. */
  muted_until?: Timestamp | null;
  /** Its name; empty for direct rooms. */
  name: string;
  /** The last message that the caller has read, as a member. */
  read_seq?: number | null;
  /** Its count of changes. */
  rev: number;
  /** The caller's role, as a member. */
  role?: Role | null;
  /** Rules of this room. */
  settings: Settings;
  /** A name for URLs, where it has one. */
  slug?: string | null;
  /** What it is about. */
  topic: string;
  /** Messages after it that were not unsent, those of the system among them; one's own are read by being sent. */
  unread: number;
};

/** A room: direct, group or public. */
export type RoomId = number;

/** What a room is. */
export type RoomKind = "direct" | "group" | "public";

/** A list of rooms: with the scope `invited` of those that one is asked into. */
export type RoomList = Page<Room> | Page<Invitation>;

/** How a client names a room: `7`, `"7"`, `"room-7"`, or a slug such as `"general"`. */
export type RoomRef = RoomId | string;

/** All that changed in one room since a `rev`, or the first part of it. A part holds every row of each `rev` that it reaches. */
export type RoomSync = {
  /** Members who are new or changed, those who left among them. */
  members: MemberChange[];
  /** Messages that are new or changed, unsent ones as their tombstones, ascending by `seq`. */
  messages: Message[];
  /** Whether there is more: ask again from `rev`; other frames of the room wait until the last part. A frame
   * that has more and no rows has met a change too large for a frame: ask over HTTP. */
  more: boolean;
  /** The client knows everything up to this count of changes once it has applied this. */
  rev: number;
  /** The room as the caller sees it now. */
  room: Room;
  /** The room. */
  room_id: RoomId;
};

/** What the caller has not read in one room. */
export type RoomUnread = {
  /** Those of them that mention the caller. */
  mentions: number;
  /** The room. */
  room_id: RoomId;
  /** Messages of others, of the system too, that were not unsent. */
  unread: number;
};

/** The caller's rooms that moved since a cursor. */
export type RoomsSync = {
  /** Pass it as `cursor`: at once while there is `more`, else next time. */
  cursor: string;
  /** The ids of all the caller's rooms, with the last page only: whatever else a client holds, the caller has left. */
  joined?: RoomId[] | null;
  /** Whether there are more pages now. */
  more: boolean;
  /** Rooms that changed, or in which the caller read on, oldest movement first. One may come again that was told before. */
  rooms: Room[];
};

/** Someone whom a message has reached. */
export type Seen = {
  /** When, or a later moment by which it surely was: whoever reads by writing, or takes several deliveries, leaves only the last time. */
  at?: Timestamp | null;
  /** The person. */
  user: User;
};

/** A login on a device. */
export type Session = {
  /** When it was made. */
  created_at: Timestamp;
  /** Whether it is the one that asks. */
  current: boolean;
  /** What the device was called at login. */
  device: string;
  /** When it ends unless it is refreshed. */
  expires_at: Timestamp;
  /** The session's id. */
  id: SessionId;
  /** The address that last used it. */
  ip: string;
  /** When it was last refreshed. */
  last_used_at: Timestamp;
};

/** A login on a device; the `sid` of its access tokens. */
export type SessionId = number;

/** Rules of a room. */
export type Settings = {
  /** Whether nothing can be written any more. */
  archived: boolean;
  /** Whether someone who leaves, or is removed, while this is on may still read what came before: the room as it was then, without what is taken back
   * later. */
  past_members_read: boolean;
  /** Seconds between two messages of one member; 0 is no slow mode. Admins and owners are exempt. */
  slow_mode_seconds: number;
  /** Who may add people and invite them. */
  who_adds: Whoever;
  /** Who may write. */
  who_writes: Whoever;
};

/** What one keeps in pictures and files: what is on its way, what waits to be used, and what something of one's own shows, each once. What was
 * unsent or replaced counts no longer, what stood in a deleted room some minutes later. */
export type Storage = {
  /** Pictures and files. */
  files: number;
  /** How many these may be; null without a limit. */
  files_limit?: number | null;
  /** How many these may be; null without a limit. */
  limit_bytes?: number | null;
  /** Bytes. */
  used_bytes: number;
};

/** Keys of a subscription, base64url. */
export type SubscriptionKeys = {
  /** A secret of 16 bytes that the browser shares with the server. */
  auth: string;
  /** The browser's public key. */
  p256dh: string;
};

/** A single-use credential for opening a WebSocket from a browser. */
export type Ticket = {
  /** Seconds that it lives. */
  expires_in: number;
  /** Pass it as the query parameter `ticket`; works once. */
  ticket: string;
  /** The socket's URL, ticket included. */
  url: string;
};

/** Milliseconds since 1970-01-01T00:00:00Z. On the wire RFC 3339 with three digits; `ts` of a frame is the bare number. */
export type Timestamp = string;

/** An access token and the refresh token that renews it. */
export type Tokens = {
  /** For `Authorization: Bearer …`. */
  access_token: string;
  /** Seconds that the access token lives. */
  expires_in: number;
  /** Renews the access token, once; each refresh gives the next one. */
  refresh_token: string;
  /** The same token under the older name `token`; only in answers of the older routes. */
  token?: string | null;
  /** Always `Bearer`. */
  token_type: string;
};

/** What the caller has not read, in all rooms. */
export type Unread = {
  /** Those of them that mention the caller. */
  mentions: number;
  /** The rooms that have any. */
  rooms: RoomUnread[];
  /** Messages in all. */
  total: number;
};

/** An upload, to its owner and to those who may see what it is attached to. */
export type Upload = {
  /** What the bytes are: as announced until they were looked at. */
  content_type: string;
  /** When it was announced. */
  created_at: Timestamp;
  /** The sender's name for the file. */
  file_name: string;
  /** Pixels, of a picture. */
  height?: number | null;
  /** A blurhash to show while the picture loads. */
  placeholder?: string | null;
  /** What it is for. */
  purpose: Purpose;
  /** Why it was rejected: `size_mismatch`, `type_mismatch`, `not_a_picture`, `too_many_pixels`, `too_complex`. */
  reason?: string | null;
  /** Bytes. A picture is written anew, so its size changes. */
  size: number;
  /** How far it is. */
  state: UploadState;
  /** Where a small version is, of a picture. */
  thumbnail_url?: string | null;
  /** The upload. */
  upload_id: UploadId;
  /** Where the bytes are, once it is ready. */
  url?: string | null;
  /** Pixels, of a picture. */
  width?: number | null;
};

/** A file that was announced for uploading. */
export type UploadId = number;

/** How far an upload is. */
export type UploadState = "pending" | "ready" | "rejected";

/** Where to send the bytes: one request, straight to the object store. */
export type UploadTicket = {
  /** Until when the request is taken. The upload itself waits a day. */
  expires_at: Timestamp;
  /** Headers that the request must have, besides the `content-length` that every client sends by itself. */
  headers: Record<string, string>;
  /** The request's method. */
  method: string;
  /** The upload. */
  upload_id: UploadId;
  /** The request's URL, signed for exactly this type and length. */
  url: string;
};

/** A person. */
export type User = {
  /** A few words about oneself. */
  about: string;
  /** Where the avatar is, if there is one. */
  avatar_url?: string | null;
  /** When the account was made. */
  created_at: Timestamp;
  /** What people see; any script. */
  display_name: string;
  /** The person's id. */
  id: UserId;
  /** Unique without case; ASCII letters, digits, `.`, `_`, `-`. */
  username: string;
};

/** A person. */
export type UserId = number;

/** One field that is wrong, and why. Never carries the value itself. */
export type Violation = {
  /** Stable snake_case code, for example `too_long`. */
  code: string;
  /** One sentence for a person. */
  detail: string;
  /** Path of the field, for example `content` or `user_ids[3]`. */
  field: string;
};

/** Who may see something of a person, or do something with them. */
export type Visibility = "everyone" | "friends" | "nobody";

/** Which members may do something. */
export type Whoever = "members" | "admins";

/** One page of a list. */
export type Page<T> = {
  /** The items of this page. */
  items: T[];
  /** Pass it as `cursor` to read on; null at the end. */
  next?: string | null;
};

/** Everything up to a message has arrived. */
export type DeliveredAction = {
  action: "delivered";
  id?: Called;
} & (Mark & {
  /** The room; the socket's own without it. */
  room_id?: RoomRef | null;
});

/** Changes the text of one's own message. */
export type EditAction = {
  action: "edit";
  id?: Called;
} & Place & NewContent;

/** The first frame: who am I, what are my rooms. With `rooms`, what changed in those follows the `welcome`: one catch-up of a person at a time. One that cannot be made now is refused by an `error` after the `welcome` (`rate_limited`, with `retry_after`): say `hello` again then. */
export type HelloAction = {
  action: "hello";
  id?: Called;
} & {
  /** Whether the catch-up comes as `catch_up` frames of many rooms each; without it as one `sync`, `room.left` or `room` for each room that
   * changed. */
  packed?: boolean | null;
  /** Rooms that the client knows, each up to a `rev`; at most 100. Their catch-up follows the `welcome`. */
  rooms?: Record<string, number> | null;
};

/** Becomes a member of a room that is public, or to which one is invited. */
export type JoinAction = {
  action: "join";
  id?: Called;
} & {
  /** The code of an invitation, for a room that is not public. */
  invite?: string | null;
  /** The room; the socket's own without it. */
  room_id?: RoomRef | null;
};

/** Leaves a room. */
export type LeaveAction = {
  action: "leave";
  id?: Called;
} & {
  /** The member who owns it from now on; needed of the last owner. */
  owner?: UserId | null;
  /** The room. */
  room_id: RoomRef;
};

/** A message as older clients send it. */
export type MessageAction = {
  id?: Called;
} & {
  /** `sendmessage`, where there is no `type`; both may be left out beside `content`. */
  action?: string | null;
  /** The text. */
  content?: string | null;
  /** The text, or an object of the fields `room_id`, `content`, `file_url`. */
  data?: OlderFields | null;
  /** `message`. */
  type?: string | null;
};

/** Am I still heard, and which of my rooms changed since. */
export type PingAction = {
  action: "ping";
  id?: Called;
} & {
  /** The `ts` of an earlier `pong`. */
  since?: number | null;
};

/** Reacts to a message. */
export type ReactAction = {
  action: "react";
  id?: Called;
} & Place & NewReaction;

/** Everything up to a message was read. */
export type ReadAction = {
  action: "read";
  id?: Called;
} & (Mark & {
  /** The room; the socket's own without it. */
  room_id?: RoomRef | null;
});

/** A fresh access token on the open socket: the answer says that it is good. The socket lasts as long as its session, whatever becomes of tokens, and stays as it is when one is refused: `unauthenticated`, `token_expired`, or `another_session`. */
export type RenewAction = {
  action: "renew";
  id?: Called;
} & {
  /** The token, bare or after `Bearer`: of the same person and of the same session. */
  token: string;
};

/** Sends a message. The answer means *stored and pushed*; without an answer, send again with the same `client_id`. */
export type SendAction = {
  action: "send";
  id?: Called;
} & (NewMessage & {
  /** The room; without it the message goes to the socket's own room, else to General. */
  room_id?: RoomRef | null;
});

/** What changed in a room since a `rev`. */
export type SyncAction = {
  action: "sync";
  id?: Called;
} & {
  /** The room's count of changes up to which one knows it; everything without it. */
  rev?: number | null;
  /** The room; the socket's own without it. */
  room_id?: RoomRef | null;
};

/** One writes, or stopped. Never stored; say it again every few seconds. */
export type TypingAction = {
  action: "typing";
  id?: Called;
} & {
  /** Whether one writes; true without it. */
  active?: boolean | null;
  /** The room; the socket's own without it. */
  room_id?: RoomRef | null;
};

/** Takes a reaction back. */
export type UnreactAction = {
  action: "unreact";
  id?: Called;
} & Place & NewReaction;

/** Takes a message back, for everyone. */
export type UnsendAction = {
  action: "unsend";
  id?: Called;
} & {
  /** The room. */
  room_id: RoomRef;
  /** The message's place. */
  seq: number;
};

/** The action was done: stored and pushed. */
export type AckFrame = Ack & {
  type: "ack";
};

/** The last frame before the server closes the socket. */
export type ByeFrame = {
  /** Why, for programs: `session_ended`, `session_replaced`, `account_disabled`, `account_erased`, `too_many_connections`, `too_many_frames`. */
  code: string;
  /** Why, for people. */
  reason: string;
  /** Whether to connect again. */
  resume: boolean;
  type: "bye";
};

/** What changed in the rooms named in `hello`, many in one frame: after `welcome`, when `hello` was `packed`. It may come in several frames. */
export type CatchUpFrame = {
  /** Rooms that changed, too, but are not told here: ask `sync`, as after `room`. */
  changed: Changed[];
  /** What the client's frame was called. */
  id?: Called | null;
  /** Rooms in which the receiver is no longer, as `room.left` tells them. */
  left: RoomId[];
  /** Rooms that changed, each as `sync` tells it. */
  rooms: RoomSync[];
  type: "catch_up";
};

/** The action was not done. */
export type ErrorFrame = Refusal & {
  type: "error";
};

/** The receiver has a friend. */
export type FriendAcceptedFrame = Friendship & {
  type: "friend.accepted";
};

/** Nothing stands between the two any longer: a friendship ended, or a request was withdrawn or declined. */
export type FriendRemovedFrame = {
  type: "friend.removed";
  /** The other one. */
  user_id: UserId;
};

/** Somebody asked the receiver for friendship, or the receiver asked on another device. */
export type FriendRequestFrame = Friendship & {
  type: "friend.request";
};

/** Someone joined. */
export type MemberAddedFrame = {
  /** Who. */
  member: Member;
  /** Its count of changes. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  type: "member.added";
};

/** Someone left or was removed. */
export type MemberRemovedFrame = {
  /** Its count of changes. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  type: "member.removed";
  /** Who. */
  user_id: UserId;
};

/** A member's role changed. */
export type MemberUpdatedFrame = {
  /** Who, as from now on. */
  member: Member;
  /** Its count of changes. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  type: "member.updated";
};

/** A message was sent. It is itself the update of the room list. */
export type MessageFrame = Message & {
  /** When it was sent, in epoch milliseconds. */
  ts: number;
} & {
  type: "message";
};

/** A message was edited: the message as it is now. */
export type MessageEditedFrame = Message & {
  type: "message.edited";
};

/** The receiver hid a message on one of their devices; nobody else is told. */
export type MessageHiddenFrame = {
  /** The room. */
  room_id: RoomId;
  /** The message's place. */
  seq: number;
  type: "message.hidden";
};

/** A message was pinned or unpinned. */
export type MessagePinnedFrame = {
  /** When it was pinned; null when it no longer is. */
  pinned_at?: Timestamp | null;
  /** The room's count of changes. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  /** The message's place. */
  seq: number;
  type: "message.pinned";
  /** By whom. */
  user_id: UserId;
};

/** A message was unsent: its content and all that hung on it are gone, its place stays. */
export type MessageUnsentFrame = {
  /** When. */
  deleted_at: Timestamp;
  /** By whom: the writer, or a moderator. */
  deleted_by: UserId;
  /** The room's count of changes. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  /** The message's place. */
  seq: number;
  type: "message.unsent";
};

/** Answer to `ping`. */
export type PongFrame = {
  /** One's rooms that changed since; of more than 1,000 those that changed last. */
  changed: Changed[];
  /** Whether those are all; if not, the list of rooms has the others. */
  complete: boolean;
  /** What the client's frame was called. */
  id?: Called | null;
  /** The server's clock in epoch milliseconds; pass it as `since` next time. */
  ts: number;
  type: "pong";
};

/** Somebody whose presence the receiver hears of came or went, or tells it no longer. */
export type PresenceFrame = Presence & {
  /** When, in epoch milliseconds: of two frames about one person the later one holds. */
  ts: number;
  /** Who. */
  user_id: UserId;
} & {
  type: "presence";
};

/** Someone reacted to a message, or took it back. */
export type ReactionFrame = ReactionChange & {
  type: "reaction";
};

/** How far a member has read: to every member of a room of up to 100, else to oneself alone; to oneself with what is unread then. */
export type ReceiptFrame = Receipt & {
  type: "receipt";
};

/** A room changed in a way that no other frame tells, or is too busy for single messages: fetch what is newer than your `rev`. Or: What the room says of itself changed: name, topic, rules. Or: Something that only the receiver sees of a room changed: whether it is muted. */
export type RoomFrame = {
  /** Its count of changes. */
  rev: number;
  /** The room. */
  room_id: RoomId;
  type: "room";
} | {
  /** Its count of changes. */
  rev: number;
  /** What it says of itself now; whatever else is known of the room stays. */
  room: Facts;
  /** The room. */
  room_id: RoomId;
  type: "room";
} | {
  /** Its count of changes. */
  rev: number;
  /** The room, as the receiver sees it. */
  room: Room;
  /** The room. */
  room_id: RoomId;
  type: "room";
};

/** The receiver closed a direct room: it is in their list again once there is a newer message, or when they open it. */
export type RoomClosedFrame = {
  /** The seq of its last message when it was closed. */
  last_seq: number;
  /** The room. */
  room_id: RoomId;
  type: "room.closed";
};

/** The room is no more. */
export type RoomDeletedFrame = {
  /** The room. */
  room_id: RoomId;
  type: "room.deleted";
};

/** The receiver is asked into a room: joining it accepts, `DELETE /api/rooms/{room_id}/invitation` declines. */
export type RoomInvitedFrame = Invitation & {
  type: "room.invited";
};

/** The receiver is now a member. */
export type RoomJoinedFrame = {
  /** The room, as the receiver sees it. */
  room: Room;
  type: "room.joined";
};

/** The receiver is no longer a member; nothing more comes from this room. */
export type RoomLeftFrame = {
  /** The room. */
  room_id: RoomId;
  type: "room.left";
};

/** An invitation of the receiver's ended, because they declined it or it was taken back. */
export type RoomUninvitedFrame = {
  /** The room. */
  room_id: RoomId;
  type: "room.uninvited";
};

/** What changed in a room: answer to `sync`, and after `welcome` for each room named in `hello` that changed, unless it was `packed`. */
export type SyncFrame = RoomSync & {
  /** What the client's frame was called. */
  id?: Called | null;
} & {
  type: "sync";
};

/** Someone writes, or stopped; forget it after six seconds. */
export type TypingFrame = {
  /** Whether they write. */
  active: boolean;
  /** The room. */
  room_id: RoomId;
  type: "typing";
  /** Who. */
  user_id: UserId;
  /** Their username. */
  username: string;
};

/** One of the receiver's uploads was looked at, and can be used. */
export type UploadReadyFrame = Upload & {
  type: "upload.ready";
};

/** Answer to `hello`. */
export type WelcomeFrame = {
  /** Whether `rooms` is all of them. */
  complete: boolean;
  /** This socket. */
  connection_id: string;
  /** What the client's frame was called. */
  id?: Called | null;
  /** The newest invitations that wait for one's answer, at most 20; all of them by `GET /api/rooms?scope=invited`. */
  invited: Invitation[];
  /** Those of one's friends, and of the others of one's direct rooms, who are online and let one know; null when that cannot be told now. */
  online?: UserId[] | null;
  /** Open the next socket before this moment; this one ends soon after. */
  reconnect_before: Timestamp;
  /** One's rooms, newest activity first; as many as fit a frame, the rest by `GET /api/rooms?scope=joined`. */
  rooms: Room[];
  /** The server's clock. */
  server_time: Timestamp;
  type: "welcome";
  /** Oneself. */
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
  | WelcomeFrame;
