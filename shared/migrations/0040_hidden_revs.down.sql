alter table hidden_messages
    drop key hidden_messages_rev,
    drop column rev;
