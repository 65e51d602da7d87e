alter table members
    drop column change_allowance,
    drop column change_allowance_at,
    drop column said;
