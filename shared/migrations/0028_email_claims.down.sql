alter table users
    drop key users_email_written,
    drop key users_email_key,
    drop column email_confirmed_at,
    drop column email_key,
    add unique key users_email (email);
