-- Drops from where on every message of a room counts as unread.
alter table rooms
    drop column last_uncounted_seq;
