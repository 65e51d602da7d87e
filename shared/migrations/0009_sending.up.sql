-- How often a member may change what is there, and what they said last.

alter table members
    -- The token bucket of edits and reactions, in thousandths, and when it was last filled: apart from `allowance`, so that reacting does not stand
    -- in the way of writing, and slow mode goes on counting from the last message. It rides on the row that these changes lock anyway.
    add column change_allowance int not null default 0,
    add column change_allowance_at bigint not null default 0,
    -- The last few texts as digests, each with when it was first said lately and how often since: 18 bytes for each. Opaque to the store; who
    -- says the same again and again is told to stop, at no statement more.
    add column said varbinary(72) not null default '';
