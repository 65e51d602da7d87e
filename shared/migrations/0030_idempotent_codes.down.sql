alter table idempotency_keys drop column made_code;
