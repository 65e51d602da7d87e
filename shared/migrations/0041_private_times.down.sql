alter table members
    drop column private_at;
