-- Without the column, it is unknown by which version a segment was sealed.
alter table search_segments
    drop column folding;
