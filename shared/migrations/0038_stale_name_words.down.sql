-- Without the words, no name has words of another one.
alter table users
    drop key users_stale_name,
    drop column name_stale,
    drop column words_of;
