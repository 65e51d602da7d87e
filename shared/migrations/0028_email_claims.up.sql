-- An address counts as somebody's only once it is confirmed; until then any number of people may claim it. Addresses are compared byte by byte
-- in a copy that is in lower case and composed (NFC), because collations take different mailboxes for one (jürgen@, jurgen@).
alter table users
    drop key users_email,
    add column email_key varchar(254) character set utf8mb4 collate utf8mb4_bin null,
    -- When the person showed that mail to it arrives at theirs.
    add column email_confirmed_at bigint null,
    add key users_email_key (email_key, id),
    -- Rows that a release before this one wrote have no copy, and are found by the address itself.
    add key users_email_written (email, id);
