-- Friends: who asked whom, and whether the other one agreed.

create table friendships (
    -- The smaller and the larger id of the two: one row for a pair, so that opposite requests that race meet in it.
    user_low     bigint unsigned not null,
    user_high    bigint unsigned not null,
    -- Who asked, and who was asked. Both, although either follows from the other: each of the lists below is then one range of an index.
    requested_by bigint unsigned not null,
    requested_of bigint unsigned not null,
    -- Rejecting, withdrawing, ending and blocking delete the row: what was refused is nobody's to keep.
    state        enum('pending', 'accepted') not null default 'pending',
    requested_at bigint not null,
    accepted_at  bigint null,
    primary key (user_low, user_high),
    -- "Whom I asked" and "who asked me", newest first; together they are "my friends".
    key friendships_by (requested_by, state, requested_at, requested_of),
    key friendships_of (requested_of, state, requested_at, requested_by)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
