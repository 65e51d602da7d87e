-- What is made under an `Idempotency-Key` and has no number: an invitation is known by its code.
alter table idempotency_keys add column made_code varchar(32) character set ascii collate ascii_bin null;
