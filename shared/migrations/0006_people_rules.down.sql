drop table audit;
drop table forwards;
alter table invites drop key invites_maker;
alter table reports drop key reports_state, drop key reports_reporter;
alter table reactions drop key reactions_user;
alter table users
    drop key users_display_name,
    drop key users_state,
    drop key users_role,
    drop column presence_visibility,
    drop column erased_name;
