alter table uploads
    drop column duration;
