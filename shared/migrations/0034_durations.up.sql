-- How long audio and video play, in milliseconds, if their headers have it.
alter table uploads
    add column duration int unsigned null;
