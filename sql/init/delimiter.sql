-- one row: what stands between the columns of a CSV file
select delimiter from sniff_csv($file, sample_size = 20480)
