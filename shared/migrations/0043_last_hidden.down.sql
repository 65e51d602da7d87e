alter table members
    drop column last_hidden_seq;
