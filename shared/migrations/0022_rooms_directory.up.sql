-- The directory of public rooms lists those with most members first, so that nobody fills its first page with rooms that they just made.
alter table rooms
    add key rooms_directory (kind, members_count desc, id);
