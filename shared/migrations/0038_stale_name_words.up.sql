-- Which name the words of `user_name_words` are of. A release that knows no words changes the name alone; the sweep finds it and folds it.
alter table users
    -- Compared byte by byte: collations take different names for one.
    add column words_of varchar(64) character set utf8mb4 collate utf8mb4_bin not null default '',
    add column name_stale tinyint unsigned generated always as (words_of <> display_name) virtual,
    add key users_stale_name (name_stale, id);
