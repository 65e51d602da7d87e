-- What was reported, as it was then: kept, whatever becomes of the message, while the report is open. The sweep takes what belongs to closed ones.
create table report_evidence (
    report_id   bigint unsigned not null,
    sender_id   bigint unsigned null,
    content     text not null,
    -- As in `messages`, but with uploads of nobody that show the same bytes: an object that is shown is not swept.
    attachments text null,
    -- The texts before that one, as JSON, the newest of them.
    edits       mediumtext null,
    sent_at     bigint not null,
    edited_at   bigint null,
    primary key (report_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_unicode_ci;
