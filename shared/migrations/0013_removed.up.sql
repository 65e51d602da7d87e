-- Who was removed by somebody else is told apart from who left: an invitation lets the second back in, and not the first.
alter table members
    modify column state enum('joined', 'left', 'banned', 'removed') not null default 'joined';
