-- view recommendations: the lists of the users in `part` alone, who are in some arms of an experiment
create or replace temporary view recommendations as
select * from memory.main.recommendations semi join part using (user_id)
