-- One look at an upload at a time, and all that a person keeps summed from one index.
alter table uploads
    -- Until when somebody looks at the bytes; a look that died is taken over then.
    add column looking_until bigint null,
    drop key uploads_owner,
    -- Everything of a person's that counts: each object once, however often it is shown, with its bytes, and what waits to be used.
    add key uploads_held (owner_id, state, object_id, due_at, size);
