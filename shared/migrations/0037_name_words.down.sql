-- Without the words, people are found by the beginning of their names.
drop table user_name_words;
