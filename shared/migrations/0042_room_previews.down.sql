alter table rooms
    drop column count_system_messages,
    drop column last_system_seq,
    drop column last_member_seq;
