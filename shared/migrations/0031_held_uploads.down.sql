alter table uploads
    drop key uploads_held,
    add key uploads_owner (owner_id, due_at, id),
    drop column looking_until;
