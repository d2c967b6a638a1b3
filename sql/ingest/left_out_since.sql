-- staged_left_out: what arrived before the first night that is written is counted on it
update staged_left_out
set arrival = $first::date
where arrival < $first::date
