-- Migration 0003 down, in one transaction. Not reversible: what the dropped column held is in the quarantine only.
\ir fits.psql
begin;
-- Waiting for a lock would make everybody wait behind this: give up soon and change nothing.
set local lock_timeout = '2s';
set local statement_timeout = '120s';
lock table orders in access exclusive mode;
select exists (select from schema_migrations where version = '0003') as applied \gset
\if :applied
\else
  do $$ begin raise exception 'migration 0003 is not applied to this database'; end $$;
\endif
select not exists (select from orders o where not :fits) as all_fit \gset
\if :all_fit
\else
  do $$ begin raise exception 'orders still holds rows that the older schema cannot hold: run quarantine.sql'; end $$;
\endif
alter table orders drop constraint orders_status_known;
alter table orders add constraint orders_status_known check (status in ('new', 'paid', 'shipped', 'cancelled'));
alter table orders drop constraint orders_someone_ordered;
alter table orders alter column customer set not null;
alter table orders drop column guest_email;
delete from schema_migrations where version = '0003';
commit;
