-- Pictures and files: what was announced, what arrived, where it is used, and when nobody needs it any more.

create table uploads (
    id           bigint unsigned not null auto_increment,
    owner_id     bigint unsigned not null,
    -- 'image' and 'file' go into messages; an 'avatar' is a face of a person or a room.
    purpose      enum('avatar', 'image', 'file') not null,
    -- 'pending': announced, the bytes may be on their way. 'ready': looked at, may be used. 'rejected': the bytes were not what was announced.
    -- 'doomed': nobody may see it any more; the sweep removes the objects, then the row.
    state        enum('pending', 'ready', 'rejected', 'doomed') not null default 'pending',
    -- The owner's name for it. Only ever shown: objects are named after the upload.
    file_name    varchar(255) not null,
    -- As announced; of a ready one what is served.
    content_type varchar(127) character set ascii collate ascii_bin not null,
    size         bigint unsigned not null,
    width        int unsigned null,
    height       int unsigned null,
    -- A blurhash: some thirty characters to show while the picture loads.
    placeholder  varchar(64) character set ascii collate ascii_bin null,
    -- Why it was rejected, as a code.
    reason       varchar(32) character set ascii collate ascii_bin null,
    -- How often its bytes were looked at. Each look writes objects of its own, so that two at once never mix, and what a dead one left is known.
    attempts     int unsigned not null default 0,
    -- Which objects are served: those of this upload's `object_attempt`. A forwarded attachment is an upload that names another one's.
    object_id      bigint unsigned null,
    object_attempt int unsigned null,
    -- The message that it is attached to. Only ever one.
    room_id      bigint unsigned null,
    seq          bigint unsigned null,
    created_at   bigint not null,
    -- When the sweep takes it; null while a message or a face shows it.
    due_at       bigint null,
    primary key (id),
    -- How many unused ones a person has, and all of them when the account is erased.
    key uploads_owner (owner_id, due_at, id),
    key uploads_message (room_id, seq),
    key uploads_due (due_at, id),
    -- Whether anybody else shows the same objects.
    key uploads_object (object_id, state)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

alter table messages
    -- What the message's attachments are, as JSON, at most ten: part of the message's own row, so that a page of history needs no look-up.
    -- 'uploads' has the same the other way round.
    add column attachments text null;
