alter table uploads
    drop column poster_id;
