-- The picture whose thumbnail a video shows: as announced until the bytes are verified, then if the video has one.
alter table uploads
    add column poster_id bigint unsigned null;
