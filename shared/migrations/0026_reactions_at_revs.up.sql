-- A reaction knows with which change of the room it came, so that a past member is not shown later ones.
alter table reactions
    -- 0 where that was not noted.
    add column rev bigint unsigned not null default 0;
