-- For how long somebody does not ask a person for friendship again: after a request that was declined, withdrawn, or ended by a block.
create table friend_pauses (
    requested_by bigint unsigned not null,
    requested_of bigint unsigned not null,
    until_at     bigint not null,
    primary key (requested_by, requested_of),
    -- What erasing the other one looks for.
    key friend_pauses_of (requested_of),
    -- Pauses that are over are swept.
    key friend_pauses_until (until_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
