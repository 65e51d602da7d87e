-- Large rooms keep an index of their live sockets.
alter table rooms
    -- Since when every socket that opens is added to the index, in epoch milliseconds; null without one.
    add column socket_index_since bigint null;
