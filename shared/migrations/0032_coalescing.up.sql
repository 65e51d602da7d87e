-- Rooms in which messages come faster than people read get them once per window. The row that every message locks anyway keeps the room's pace.
alter table rooms
    -- Messages that still go out singly, in thousandths, as of `pace_allowance_at` (epoch milliseconds).
    add column pace_allowance    int not null default 0,
    add column pace_allowance_at bigint not null default 0,
    -- When the delivery is due that takes along the messages of the open window, in epoch milliseconds; 0 while none is open.
    add column window_due        bigint not null default 0;
