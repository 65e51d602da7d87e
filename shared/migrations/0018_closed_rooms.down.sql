alter table members
    drop column closed_seq,
    drop column closed_at;
