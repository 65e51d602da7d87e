-- A read marker counts what is unread without a statement more, unless the member hid something after it.
alter table members
    -- The last message that the member hid; 0 without one.
    add column last_hidden_seq bigint unsigned not null default 0;
