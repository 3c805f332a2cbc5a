-- Who holds the table, or `nobody`: the migration would wait behind them and everybody else behind it.
select a.pid, a.usename, a.state, now() - a.xact_start as open_for, left(a.query, 60) as query
from pg_locks l join pg_stat_activity a using (pid)
where l.relation in ('orders'::regclass, 'order_items'::regclass) and a.pid <> pg_backend_pid()
order by a.xact_start;
select :ROW_COUNT = 0 as free \gset
\if :free
  \echo nobody
\endif
