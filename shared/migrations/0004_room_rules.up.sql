-- Rules of rooms, invitations, blocks, reports.

alter table rooms
    -- Seconds between two messages of one member; 0 is no slow mode.
    add column slow_mode_seconds int unsigned not null default 0,
    -- Who may write, and who may add people: every member, or admins and owners only.
    add column who_writes enum('members', 'admins') not null default 'members',
    add column who_adds enum('members', 'admins') not null default 'admins',
    -- Whether someone who left, or was removed, may still read what came before.
    add column past_members_read tinyint(1) not null default 0,
    add column deleted_at bigint null;

alter table members
    -- last_seq of the room when the membership ended: what a past member may read at most.
    add column left_seq bigint unsigned null;

-- An invitation: whoever has the code may join, until it expires, is used up or revoked.
create table invites (
    -- 128 random bits as text. Kept as it is: it opens one room, and its makers may list it.
    code       varchar(32) character set ascii collate ascii_bin not null,
    room_id    bigint unsigned not null,
    created_by bigint unsigned not null,
    created_at bigint not null,
    expires_at bigint null,
    -- How many more may use it; null is any number.
    uses_left  int unsigned null,
    revoked_at bigint null,
    primary key (code),
    key invites_room (room_id, created_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

-- A blocked person can neither open a direct room with the one who blocked, nor write in it.
create table blocks (
    user_id    bigint unsigned not null,
    blocked_id bigint unsigned not null,
    created_at bigint not null,
    primary key (user_id, blocked_id),
    -- "Am I blocked by any of these?"
    key blocks_blocked (blocked_id, user_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

-- A message that somebody found wrong, for the room's admins. One report per person and message.
create table reports (
    id          bigint unsigned not null auto_increment,
    room_id     bigint unsigned not null,
    seq         bigint unsigned not null,
    reporter_id bigint unsigned not null,
    reason      varchar(500) not null default '',
    created_at  bigint not null,
    closed_at   bigint null,
    closed_by   bigint unsigned null,
    primary key (id),
    unique key reports_once (room_id, seq, reporter_id),
    key reports_open (room_id, closed_at, id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
