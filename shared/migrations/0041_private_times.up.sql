-- A room that its member muted or unmuted is among the rooms that changed, for that member's devices.
alter table members
    -- When its person last changed what only they see of the room; 0 is never.
    add column private_at bigint not null default 0;
