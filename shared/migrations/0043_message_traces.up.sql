-- Why a message does not count as unread. Apart from its index: a virtual column alone is added without a copy of the table.
alter table messages
    -- 2 unsent, 1 of the system, null for all others.
    add column trace tinyint unsigned generated always as (case when deleted_at is not null then 2 when kind = 'system' then 1 end) virtual;
