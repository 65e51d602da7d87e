-- Messages. The primary key is the order of reading: a page of history is one range of the clustered index, at any depth.

create table messages (
    room_id      bigint unsigned not null,
    seq          bigint unsigned not null,
    -- One number across all rooms, for clients that name a message without its room.
    id           bigint unsigned not null auto_increment,
    -- Null for system messages.
    sender_id    bigint unsigned null,
    kind         enum('text', 'image', 'file', 'system') not null default 'text',
    -- Emptied when the message is unsent. 1000 characters by default; the type leaves room for a larger limit.
    content      text not null,
    -- The sender's own key for this message. Unique per room and sender for ever, so a retry never doubles. Bytes, not letters.
    client_id    varchar(64) character set utf8mb4 collate utf8mb4_bin null,
    reply_to_seq bigint unsigned null,
    created_at   bigint not null,
    edited_at    bigint null,
    deleted_at   bigint null,
    -- The room's rev when this row last changed: "what changed since" is one range of messages_rev.
    rev          bigint unsigned not null,
    primary key (room_id, seq),
    unique key messages_id (id),
    unique key messages_client (room_id, sender_id, client_id),
    key messages_rev (room_id, rev)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
