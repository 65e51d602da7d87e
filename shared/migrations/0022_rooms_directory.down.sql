alter table rooms
    drop key rooms_directory;
