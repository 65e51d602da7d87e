alter table rooms
    drop column socket_index_since;
