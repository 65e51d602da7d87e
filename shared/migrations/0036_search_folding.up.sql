-- The version of the code that set a segment's bits: those of another version would hide matches, so that the segment is read as it is and sealed anew.
alter table search_segments
    -- 0: sealed by a release that knows no version.
    add column folding smallint unsigned not null default 0;
