-- other_nights: without the events that a night has given up
delete from other_nights
where night = $night::date and left(sha256(event_id), 16) in (select unnest($hashes::varchar[]))
