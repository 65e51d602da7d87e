alter table users drop column notifications;
drop table push_subscriptions;
