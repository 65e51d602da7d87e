-- Lines of the system count as unread, lift a room and become its preview only where the room says so. The row that every message locks knows the last of each.
alter table rooms
    add column count_system_messages tinyint(1) not null default 0,
    -- The last line of the system; null in rooms of earlier releases until the next one.
    add column last_system_seq       bigint unsigned null,
    -- The last message of a member; null in rooms of earlier releases until the next one.
    add column last_member_seq       bigint unsigned null;
