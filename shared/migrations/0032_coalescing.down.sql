alter table rooms
    drop column pace_allowance,
    drop column pace_allowance_at,
    drop column window_due;
