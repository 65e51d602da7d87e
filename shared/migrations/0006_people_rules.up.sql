-- People as others find them, what erasing an account takes, and what operators did.

alter table users
    -- Who may see whether this person is online, and when they last were.
    add column presence_visibility enum('everyone', 'friends', 'nobody') not null default 'everyone',
    -- What an erased person was called, as long as texts of the system and of others may still say so; null once the erasing is done.
    add column erased_name varchar(32) character set utf8mb4 collate utf8mb4_general_ci null,
    -- The search for people reads ranges of names; `users_username` has the other one.
    add key users_display_name (display_name),
    -- Operators list accounts by their state, and look for those among them who are operators.
    add key users_state (deleted_at, disabled_at, id),
    add key users_role (role, id);

-- Whose words a forwarded message has: erasing that person's account finds their name in rooms that they never were in.
create table forwards (
    room_id bigint unsigned not null,
    seq     bigint unsigned not null,
    -- Who wrote it first, however often it was passed on.
    user_id bigint unsigned not null,
    primary key (room_id, seq),
    key forwards_user (user_id, room_id, seq)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

insert into forwards (room_id, seq, user_id)
select m.room_id, m.seq, u.id
from messages m
join users u on u.username = m.forwarded_username
where m.forwarded_at is not null;

-- One's reactions across all rooms: an export reads a range of it.
alter table reactions
    add key reactions_user (user_id, room_id, seq);

-- Reports over all rooms, open ones first.
alter table reports
    add key reports_state (closed_at, id),
    -- What one has reported: part of an export, and of what erasing takes.
    add key reports_reporter (reporter_id, id);

-- Invitations that somebody made.
alter table invites
    add key invites_maker (created_by, created_at);

-- What operators did. Rows are only ever added; erasing an operator's account empties their addresses.
create table audit (
    id        bigint unsigned not null auto_increment,
    at        bigint not null,
    -- Null for whoever has the command line of the deployment.
    actor_id  bigint unsigned null,
    -- 'user.disable', 'room.delete' …: the act, for programs.
    action    varchar(32) character set ascii collate ascii_bin not null,
    -- On whom or what. Ids and no names: names would outlive their people here.
    user_id   bigint unsigned null,
    room_id   bigint unsigned null,
    report_id bigint unsigned null,
    -- The address that the act came from.
    ip        varchar(45) character set ascii collate ascii_bin not null default '',
    primary key (id),
    -- What erasing an operator's account looks for.
    key audit_actor (actor_id, id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
