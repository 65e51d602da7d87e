drop table report_evidence;
