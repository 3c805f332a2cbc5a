-- Takes the quarantine back as long as the newer schema is still there.
begin;
set local lock_timeout = '2s';
set local statement_timeout = '120s';
with back as (
  delete from quarantine.orders_0003 where reconciled_at is null
  returning id, customer, status, amount_cents, placed_at, guest_email
)
insert into orders (id, customer, status, amount_cents, placed_at, guest_email)
  overriding system value select * from back;
with back as (
  delete from quarantine.order_items_0003 where reconciled_at is null
  returning order_id, line, sku, quantity
)
insert into order_items (order_id, line, sku, quantity) select * from back;
commit;
