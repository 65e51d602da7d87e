-- Drops why a message does not count as unread.
alter table messages
    drop column trace;
