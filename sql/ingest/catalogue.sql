-- log_files: a catalogue as it stands says of no day when a row of it became known: all of it is of $known
update log_files
set first_day = $known::date, last_day = $known::date
