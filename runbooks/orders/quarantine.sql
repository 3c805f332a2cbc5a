-- Moves every order that the older schema cannot hold, with its items, to where it waits for reconciliation.
-- One transaction: a row is in one place or in the other. Running it again moves what is new and nothing else.
\ir fits.psql
begin;
set local lock_timeout = '2s';
set local statement_timeout = '120s';
create schema if not exists quarantine;
create table if not exists quarantine.orders_0003 (
  like orders,
  primary key (id),
  set_aside_at timestamptz not null default now(),
  reconciled_at timestamptz
);
create table if not exists quarantine.order_items_0003 (
  like order_items,
  primary key (order_id, line),
  set_aside_at timestamptz not null default now(),
  reconciled_at timestamptz
);
lock table orders, order_items in share row exclusive mode;
create temporary table leaving on commit drop as
  select o.id from orders o where not :fits;
with moved as (
  delete from order_items where order_id in (select id from leaving) returning order_id, line, sku, quantity
)
insert into quarantine.order_items_0003 (order_id, line, sku, quantity) select * from moved;
with moved as (
  delete from orders where id in (select id from leaving)
  returning id, customer, status, amount_cents, placed_at, guest_email
)
insert into quarantine.orders_0003 (id, customer, status, amount_cents, placed_at, guest_email)
  select * from moved;
commit;
select count(*) as waiting_for_reconciliation from quarantine.orders_0003 where reconciled_at is null;
