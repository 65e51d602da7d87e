alter table users
    drop column added_by;
