-- Somebody is to be in a room and is asked first: they left it by themselves, or let not everybody add them. Apart from `members`, whose states the
-- code before knows by heart.
create table room_invitations (
    room_id     bigint unsigned not null,
    user_id     bigint unsigned not null,
    -- Whether it still holds is read from the room and from the maker's membership, each time.
    invited_by  bigint unsigned not null,
    invited_at  bigint not null,
    -- Null while it waits for an answer. Declined or withdrawn, it stays until then: so long the room asks the person no more.
    quiet_until bigint null,
    primary key (room_id, user_id),
    -- What waits for a person, newest first.
    key room_invitations_user (user_id, quiet_until, invited_at),
    key room_invitations_maker (invited_by, room_id),
    -- Pauses that are over are swept.
    key room_invitations_quiet (quiet_until)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
