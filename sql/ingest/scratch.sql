-- one row: the folder for what does not fit in memory, and the time zone
select current_setting('temp_directory') as folder, current_setting('timezone') as timezone
