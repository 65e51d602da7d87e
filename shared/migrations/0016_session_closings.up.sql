-- Sessions that have ended while their sockets may still be open. Written in the transaction that ends the session, deleted once the sockets are
-- closed: nearly always empty, so that whoever is about to tell people something can look here at no cost.
create table session_closings (
    session_id bigint unsigned not null,
    -- Follows from the session, which may be gone by then. Whom something is told is looked up by person.
    user_id    bigint unsigned not null,
    -- Why it ended: its sockets are told.
    cause      varchar(32) character set ascii collate ascii_bin not null,
    -- From when on its sockets hear nothing. It lies ahead where it is known beforehand: a session that expires while it has a socket.
    ended_at   bigint not null,
    primary key (session_id),
    key session_closings_user (user_id),
    -- What is due.
    key session_closings_ended (ended_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
