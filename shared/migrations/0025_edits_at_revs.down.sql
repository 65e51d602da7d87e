alter table message_edits
    drop column rev,
    drop column mentions;
