-- People and their sessions.
--
-- All times are BIGINT milliseconds since 1970 UTC: one integer on the wire, in the code and here, so that no server's time zone, rounding of
-- fractions (MySQL rounds, MariaDB cuts) or driver type comes between. All ids are BIGINT below 2^53, which JavaScript holds exactly.
-- Collations are named, because the servers' defaults differ: names compare without case (general_ci), texts are unicode_ci, keys are bytes (bin).

create table users (
    id            bigint unsigned not null auto_increment,
    -- ASCII letters, digits, '.', '_', '-': usable in URLs and @mentions, and without look-alikes. Unique without case.
    username      varchar(32)  character set utf8mb4 collate utf8mb4_general_ci not null,
    -- Optional, and never shown to others. 254 is the longest address that mail can carry (RFC 5321).
    email         varchar(254) character set utf8mb4 collate utf8mb4_general_ci null,
    -- What people see; any script.
    display_name  varchar(64)  not null,
    about         varchar(500) not null default '',
    -- argon2id in PHC string form, parameters included, so that they can be raised later.
    password_hash varchar(255) character set ascii collate ascii_bin not null,
    avatar_upload bigint unsigned null,
    -- 'admin' is an operator of this deployment; roles inside a room stand in members.
    role          enum('user', 'admin') not null default 'user',
    created_at    bigint not null,
    last_seen_at  bigint null,
    disabled_at   bigint null,
    deleted_at    bigint null,
    primary key (id),
    unique key users_username (username),
    unique key users_email (email)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;

-- A login on a device. Its id is the `sid` of the access tokens; every request looks it up, so ending a session ends it at once.
create table sessions (
    id           bigint unsigned not null auto_increment,
    user_id      bigint unsigned not null,
    -- SHA-256 of the one refresh token that is valid now. The token names its session and carries a proof that we made it, so an older one is
    -- recognised without keeping its hash: it means theft, and ends the session.
    refresh_hash binary(32) not null,
    device       varchar(64) not null default '',
    ip           varchar(45) character set ascii collate ascii_bin not null default '',
    created_at   bigint not null,
    last_used_at bigint not null,
    expires_at   bigint not null,
    revoked_at   bigint null,
    primary key (id),
    -- A person's list of sessions, and logout-all.
    key sessions_user (user_id, id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
