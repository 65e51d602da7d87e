-- What does not count among unread messages is a range of an index for each reason, however many are unread.
alter table messages
    add key messages_trace (room_id, trace, seq);
