update members set state = 'left' where state = 'removed';

alter table members
    modify column state enum('joined', 'left', 'banned') not null default 'joined';
