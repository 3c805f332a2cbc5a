-- Nobody writes orders from here on. The lock is on the role, outside of what is being changed:
-- a migration or a restored table cannot lift it by accident.
alter role orders_writer connection limit 0;
select count(pg_terminate_backend(pid)) as sessions_ended
from pg_stat_activity where usename = 'orders_writer';
