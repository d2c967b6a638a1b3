-- one row: the folder for what does not fit in memory
select current_setting('temp_directory') as folder
