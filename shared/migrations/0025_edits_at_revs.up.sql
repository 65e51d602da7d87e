-- An earlier text of a message knows with which change of the room it was replaced, so that a past member is shown the text of their time.
alter table message_edits
    -- The room's rev of the edit that replaced this text; 0 where that was not noted.
    add column rev      bigint unsigned not null default 0,
    -- Whom this text mentioned, as in `messages`.
    add column mentions varchar(1024) character set ascii collate ascii_bin not null default '';
