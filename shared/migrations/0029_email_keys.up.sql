-- The copies of addresses that are there, as well as the server can make them. Where it writes a letter otherwise than the code does, the
-- address itself is compared.
update users set email_key = lower(email) where email is not null and email_key is null;
