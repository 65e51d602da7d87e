create table search_slices_by_segment (
    room_id bigint unsigned not null,
    segment bigint unsigned not null,
    slice   smallint unsigned not null,
    bits    binary(128) not null,
    primary key (room_id, segment, slice)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

rename table search_slices to search_slices_by_bit, search_slices_by_segment to search_slices;

delete from search_segments;

drop table search_slices_by_bit;
