delete from {partition} where user_id = %(user_id)s
