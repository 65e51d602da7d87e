-- What was made under which `Idempotency-Key`, so that a request that comes again makes nothing a second time. Kept for a day.
create table idempotency_keys (
    user_id    bigint unsigned not null,
    -- The first half of the SHA-256 of the route and the key: whoever reads this learns neither.
    digest     binary(16) not null,
    -- The same of the body: another one under the same key is a mistake of the client.
    asked      binary(16) not null,
    -- The number of what was made.
    made       bigint unsigned not null,
    created_at bigint not null,
    primary key (user_id, digest),
    -- What is older than a day is swept.
    key idempotency_keys_created (created_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
