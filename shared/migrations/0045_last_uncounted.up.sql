-- From where on every message of a room counts as unread, said once for all that read it.
alter table rooms
    -- No later message is unsent or of the system. The last one where that is not known: a release up to 0.2.0 wrote after the columns it comes from.
    add column last_uncounted_seq bigint unsigned generated always as (
        greatest(last_unsent_seq, case
            when kind = 'direct' then 0
            when greatest(coalesce(last_member_seq, 0), last_system_seq) = last_seq then last_system_seq
            else last_seq end)
    ) virtual;
