update users u
join (select min(id) as oldest, email from users where email is not null group by email) k on k.email = u.email
set u.email = null
where u.id <> k.oldest;
