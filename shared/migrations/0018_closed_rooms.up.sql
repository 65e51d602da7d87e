-- A direct room that its person closed, or in which nobody has written since the other one opened it, is not in the person's list.
alter table members
    -- The last seq of the room when it was closed: it is open again once there is a newer message. Null is open.
    add column closed_seq bigint unsigned null,
    -- When its person last closed or opened it, so that their other devices learn of it; null while it never was in their list.
    add column closed_at bigint null;
