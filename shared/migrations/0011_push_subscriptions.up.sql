-- Where people are notified while they are away, and of what they want to be.

-- A device that its person let notifications come to: one for each login, so that ending the session ends them, too.
create table push_subscriptions (
    session_id    bigint unsigned not null,
    -- Follows from the session. Repeated, since who is to be notified is looked up by person.
    user_id       bigint unsigned not null,
    -- A URL of the browser's push service, as it gave it: whoever knows it may write there.
    endpoint      varchar(1024) character set ascii collate ascii_bin not null,
    -- SHA-256 of it. A browser has one, whoever is logged in there: the next person who subscribes with it takes it over.
    endpoint_hash binary(32) not null,
    -- The device's public key (an uncompressed point of P-256) and the secret that it shares with us: what is written is for its eyes only.
    p256dh        binary(65) not null,
    auth          binary(16) not null,
    -- The beginning of the SHA-256 of our public key that it was made with; the push service takes no message by another one.
    vapid         binary(8) not null,
    created_at    bigint not null,
    -- Since when its push service only refuses or is silent; null as long as it takes what it gets.
    failed_at     bigint null,
    primary key (session_id),
    unique key push_subscriptions_endpoint (endpoint_hash),
    key push_subscriptions_user (user_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

alter table users
    -- Whether a person who is away is told of every message, of direct ones and mentions only, or of none. Rooms are muted one by one besides.
    add column notifications enum('all', 'mentions', 'none') not null default 'all';
