-- What happens to a message after it was sent, and who has read it.

alter table messages
    -- Ids of the members that the text mentions, parted by commas, at most 50: part of the message's own row, so that a page of history needs no
    -- look-up. `mentions` has the same the other way round.
    add column mentions varchar(1024) character set ascii collate ascii_bin not null default '',
    -- What a system message tells, for programs: member.joined, member.left, room.renamed …
    add column event varchar(32) character set ascii collate ascii_bin null,
    -- Where a forwarded message came from, who wrote it first, and when. Readers are shown the last two: the room may not be theirs to see.
    add column forwarded_room_id bigint unsigned null,
    add column forwarded_seq bigint unsigned null,
    add column forwarded_username varchar(32) character set utf8mb4 collate utf8mb4_general_ci null,
    add column forwarded_at bigint null,
    add column pinned_at bigint null,
    add column pinned_by bigint unsigned null,
    -- Who unsent it: the writer, or a moderator.
    add column deleted_by bigint unsigned null;

-- Earlier texts of an edited message, oldest first. Unsending deletes them.
create table message_edits (
    room_id    bigint unsigned not null,
    seq        bigint unsigned not null,
    version    int unsigned not null,
    content    text not null,
    -- When this text was replaced.
    edited_at  bigint not null,
    primary key (room_id, seq, version)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

create table reactions (
    room_id    bigint unsigned not null,
    seq        bigint unsigned not null,
    -- One grapheme that is an emoji, in bytes: skin tones differ.
    emoji      varchar(64) character set utf8mb4 collate utf8mb4_bin not null,
    user_id    bigint unsigned not null,
    created_at bigint not null,
    -- A page of history reads one range of it.
    primary key (room_id, seq, emoji, user_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

-- Who is mentioned where: what a room list counts beyond one's read mark.
create table mentions (
    user_id bigint unsigned not null,
    room_id bigint unsigned not null,
    seq     bigint unsigned not null,
    primary key (user_id, room_id, seq),
    key mentions_message (room_id, seq)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

-- What is pinned in a room, so that its list is no search through all messages: `messages.pinned_at` has the same the other way round.
create table pins (
    room_id bigint unsigned not null,
    seq     bigint unsigned not null,
    primary key (room_id, seq)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

-- One row per act of reading: the messages from `from_seq` to `to_seq` were read at `read_at`. Who read a message and when, without a row for
-- every message and member.
create table receipts (
    room_id  bigint unsigned not null,
    user_id  bigint unsigned not null,
    to_seq   bigint unsigned not null,
    from_seq bigint unsigned not null,
    read_at  bigint not null,
    primary key (room_id, user_id, to_seq)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

-- "Delete for me".
create table hidden_messages (
    user_id    bigint unsigned not null,
    room_id    bigint unsigned not null,
    seq        bigint unsigned not null,
    created_at bigint not null,
    primary key (user_id, room_id, seq)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

alter table members
    -- When `delivered_seq` last rose.
    add column delivered_at bigint null,
    -- Who joined, left or changed since a rev: one range of it.
    add key members_rev (room_id, rev);
