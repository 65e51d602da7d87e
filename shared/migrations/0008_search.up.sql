-- The index of search. A room's messages are cut into segments of 1024; a full one may be sealed: each message has a signature of 1024 bits, made
-- from its letters in code, and for every bit there is one row with that bit of all 1024. A query reads the few rows of its bits and looks only at
-- messages that have all of them; what is not sealed is read as it is. So the index can be missing, late or thrown away, and sending does not
-- touch it: the last segment of a room is not sealed. Editing and unsending throw their message's segment away in the same transaction.
-- Neither FULLTEXT nor n-gram parsers: TiDB lacks both, MariaDB the second, and none of them stops early in a million messages.

create table search_segments (
    room_id bigint unsigned not null,
    -- 0 holds the messages 1 to 1024.
    segment bigint unsigned not null,
    -- The times of its messages, so that whoever looks for others passes it over.
    from_at bigint not null,
    to_at   bigint not null,
    primary key (room_id, segment)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

create table search_slices (
    room_id bigint unsigned not null,
    segment bigint unsigned not null,
    -- The number of the bit. A bit that no message has, has no row.
    slice   smallint unsigned not null,
    -- 1024 bits, of the segment's first message first.
    bits    binary(128) not null,
    -- A segment is written and thrown away as one range.
    primary key (room_id, segment, slice)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
