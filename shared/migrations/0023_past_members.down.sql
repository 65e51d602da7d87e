alter table members
    drop column past_rev,
    drop column past_at,
    drop column past_view;
