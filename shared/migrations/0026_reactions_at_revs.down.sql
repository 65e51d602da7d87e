alter table reactions
    drop column rev;
