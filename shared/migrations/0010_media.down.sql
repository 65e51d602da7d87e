alter table messages drop column attachments;
drop table uploads;
