-- Who may add a person to rooms; whoever else wants to, asks.
alter table users
    add column added_by enum('everyone', 'friends', 'nobody') not null default 'everyone';
