drop table if exists members;
drop table if exists rooms;
