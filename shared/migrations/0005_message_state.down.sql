alter table members
    drop key members_rev,
    drop column delivered_at;
drop table if exists hidden_messages;
drop table if exists receipts;
drop table if exists pins;
drop table if exists mentions;
drop table if exists reactions;
drop table if exists message_edits;
alter table messages
    drop column mentions,
    drop column event,
    drop column forwarded_room_id,
    drop column forwarded_seq,
    drop column forwarded_username,
    drop column forwarded_at,
    drop column pinned_at,
    drop column pinned_by,
    drop column deleted_by;
