-- What a person hid on one device leaves the others, which ask for it by the private rev that they know.
alter table hidden_messages
    -- The person's private rev of it; 1 from before revs were noted.
    add column rev bigint unsigned not null default 1,
    add key hidden_messages_rev (user_id, rev);
