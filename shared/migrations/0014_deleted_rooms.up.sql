-- The sweep looks for files of rooms that were deleted lately.
alter table rooms
    add key rooms_deleted (deleted_at);
