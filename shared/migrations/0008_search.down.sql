drop table search_slices;
drop table search_segments;
