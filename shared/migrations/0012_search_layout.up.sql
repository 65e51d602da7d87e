-- The index of search, laid out as it is read: a query asks for few bits of many segments, so that the segments of one bit lie side by side. Laid
-- out by segment, a query for a rare word read the whole index, and one in a million messages took more than a second.
-- The index can be thrown away, so nothing is copied; the swap leaves no moment without a table for those who still run the code before.

create table search_slices_by_bit (
    room_id bigint unsigned not null,
    -- 0 holds the messages 1 to 1024.
    segment bigint unsigned not null,
    -- The number of the bit. A bit that no message has, has no row.
    slice   smallint unsigned not null,
    -- 1024 bits, of the segment's first message first.
    bits    binary(128) not null,
    primary key (room_id, slice, segment)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

rename table search_slices to search_slices_by_segment, search_slices_by_bit to search_slices;

-- After the swap: what is sealed from here on has its bits in the new table.
delete from search_segments;

drop table search_slices_by_segment;
