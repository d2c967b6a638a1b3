-- of a day that is not over: what happened later than its moment is left where it is, for the next reading
delete from staged_events
where event_time >= $until::timestamptz
