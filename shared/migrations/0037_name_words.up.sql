-- The words of display names, folded as search folds texts: people are found by any of them, in any spelling, on every server.
create table user_name_words (
    user_id bigint unsigned not null,
    word    varchar(64) character set utf8mb4 collate utf8mb4_bin not null,
    primary key (user_id, word),
    key user_name_words_word (word, user_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
