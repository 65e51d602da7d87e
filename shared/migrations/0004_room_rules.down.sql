drop table if exists reports;
drop table if exists blocks;
drop table if exists invites;
alter table members drop column left_seq;
alter table rooms
    drop column slow_mode_seconds,
    drop column who_writes,
    drop column who_adds,
    drop column past_members_read,
    drop column deleted_at;
