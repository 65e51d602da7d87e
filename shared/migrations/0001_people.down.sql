drop table if exists sessions;
drop table if exists users;
