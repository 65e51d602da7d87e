-- Drops the index of what does not count.
alter table messages
    drop key messages_trace;
