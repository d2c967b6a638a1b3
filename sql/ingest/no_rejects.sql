-- no tables reject_errors and reject_scans: what an earlier reading refused is not this one's
drop table if exists reject_errors;
drop table if exists reject_scans
