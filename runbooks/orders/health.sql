-- Does what release 1.4 of the application does, as the role it uses, and takes it back.
begin;
set local statement_timeout = '5s';
set local role orders_writer;
with placed as (
  insert into orders (customer, status, amount_cents) values ('health-check', 'new', 1) returning id
)
select case when count(*) = 1 then 'ok' else 'no row' end from placed;
rollback;
