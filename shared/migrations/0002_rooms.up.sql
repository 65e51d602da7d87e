-- Rooms and who is in them.

create table rooms (
    id              bigint unsigned not null auto_increment,
    kind            enum('direct', 'group', 'public') not null,
    -- A name for URLs and configuration; the default room is 'general'. Unique where there is one.
    slug            varchar(64) character set ascii collate ascii_bin null,
    -- 'smaller:larger' of the two people of a direct room: at most one room per pair, whatever races.
    direct_key      varchar(41) character set ascii collate ascii_bin null,
    name            varchar(100) not null default '',
    topic           varchar(500) not null default '',
    avatar_upload   bigint unsigned null,
    -- Messages count 1, 2, 3 … without holes. Taken under this row's lock in the transaction that inserts, so order of seq is order of commit.
    last_seq        bigint unsigned not null default 0,
    -- Changes (message, edit, unsend, reaction, member, settings) count likewise; rows carry the rev of their last change.
    rev             bigint unsigned not null default 0,
    -- The seq of the last message that was unsent: whoever has read past it needs no count of tombstones for `unread`.
    last_unsent_seq bigint unsigned not null default 0,
    -- Joined members. Kept here, under the same lock as joining and leaving, so that a list of rooms counts nothing.
    members_count   int unsigned not null default 0,
    -- Last message, or creation: the order of room lists.
    active_at       bigint not null,
    -- When `rev` last rose: what `ping` answers "changed since" from.
    changed_at      bigint not null,
    created_by      bigint unsigned null,
    created_at      bigint not null,
    archived_at     bigint null,
    primary key (id),
    unique key rooms_slug (slug),
    unique key rooms_direct (direct_key),
    -- The public rooms, newest activity first.
    key rooms_kind (kind, active_at, id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

create table members (
    room_id          bigint unsigned not null,
    user_id          bigint unsigned not null,
    role             enum('owner', 'admin', 'member') not null default 'member',
    -- 'left' and 'banned' rows stay: they say up to where the person may read, and who may not come back.
    state            enum('joined', 'left', 'banned') not null default 'joined',
    joined_at        bigint not null,
    -- last_seq of the room when the person joined: what came before is not unread.
    joined_seq       bigint unsigned not null default 0,
    -- The first seq that the person may read; 1 shows all history.
    visible_from_seq bigint unsigned not null default 1,
    -- Watermarks; they only rise, and read implies delivered.
    read_seq         bigint unsigned not null default 0,
    read_at          bigint null,
    delivered_seq    bigint unsigned not null default 0,
    muted_until      bigint null,
    pinned           tinyint(1) not null default 0,
    -- The sender's token bucket, in thousandths of a message, and when it was last filled. It rides on the row that sending locks anyway.
    allowance        int not null default 0,
    allowance_at     bigint not null default 0,
    -- The room's rev when this row last changed in a way that others see.
    rev              bigint unsigned not null default 0,
    primary key (room_id, user_id),
    -- "My rooms".
    key members_user (user_id, room_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

-- The default room. Its slug is unique, so however many migrations run at once, there is one.
insert ignore into rooms (kind, slug, name, topic, active_at, changed_at, created_at)
select 'public', 'general', 'General', 'Everyone is here.', t.ms, t.ms, t.ms
from (select floor(unix_timestamp(now(3)) * 1000) as ms) t;
