alter table sessions
    drop column rotated_at,
    drop column previous_hash;
