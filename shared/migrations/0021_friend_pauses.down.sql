drop table friend_pauses;
