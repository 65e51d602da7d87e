alter table users
    drop key users_profile,
    drop column profile_changed_at,
    drop column blocks_rev,
    drop column me_rev,
    drop column private_rev;
