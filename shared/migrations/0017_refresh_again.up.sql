-- A refresh token that comes again within seconds (two tabs, an answer that was lost) gets the successor that it got: the hash that the present one
-- replaced, and when it did.
alter table sessions
    add column previous_hash binary(32) null,
    add column rotated_at bigint null;
