-- What a past member may still read: the room as it was when the membership ended, in rooms that allowed it (`past_members_read`) at that moment.
alter table members
    -- The room's rev at which the membership ended: what changed later is not shown. Null: nothing may be read.
    add column past_rev  bigint unsigned null,
    -- And when, for changes from before revs were noted with them.
    add column past_at   bigint null,
    -- Name, topic, rules and number of members as they were, as JSON.
    add column past_view text null;
