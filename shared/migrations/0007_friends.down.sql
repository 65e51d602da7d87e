drop table friendships;
