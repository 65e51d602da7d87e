drop table if exists hidden_messages;
drop table if exists receipts;
drop table if exists mentions;
drop table if exists reactions;
drop table if exists message_edits;
alter table messages
    drop column mentions,
    drop column event,
    drop column forwarded_room_id,
    drop column forwarded_seq,
    drop column forwarded_username,
    drop column pinned_at,
    drop column pinned_by,
    drop column deleted_by;
