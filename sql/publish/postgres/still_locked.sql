-- An answer means that the transaction of the lock goes on.
select
