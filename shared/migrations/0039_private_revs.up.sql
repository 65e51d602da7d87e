-- What changes about a person reaches those who were away: others by time, the person's own devices by a counter.
alter table users
    -- Counts the changes of what only this person sees or sets; each change takes the next one under this row's lock. From 1, as rows from before are.
    add column private_rev bigint unsigned not null default 1,
    -- The private rev of the last change of profile, address, role or settings.
    add column me_rev bigint unsigned not null default 1,
    -- The private rev of the last change of the list of blocked people.
    add column blocks_rev bigint unsigned not null default 1,
    -- When what others see last changed: display name, text, avatar, or the account's end. Rises with each change; 0 is never.
    add column profile_changed_at bigint not null default 0,
    -- Whose profile changed since a time: one range.
    add key users_profile (profile_changed_at);
