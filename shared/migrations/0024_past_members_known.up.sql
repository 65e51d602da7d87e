-- Whoever could read as a past member until now goes on reading; name, topic and rules stop changing for them here. The line that tells of the end
-- of a membership is the next message after it, and says when that was.
update members m
join rooms r on r.id = m.room_id
left join messages x on x.room_id = m.room_id and x.seq = m.left_seq + 1
set m.past_rev = m.rev,
    m.past_at = coalesce(x.created_at, 0),
    m.past_view = json_object('name', r.name, 'topic', r.topic, 'members_count', r.members_count, 'archived', if(r.archived_at is null, 0, 1),
                              'slow_mode_seconds', r.slow_mode_seconds, 'who_writes', r.who_writes, 'who_adds', r.who_adds)
where m.state in ('left', 'removed') and m.left_seq is not null and m.rev > 0 and r.past_members_read = 1 and r.deleted_at is null;
