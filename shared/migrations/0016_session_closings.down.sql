drop table session_closings;
