-- Row counts and checksums under the newer schema, apart: what the older one can hold and what it cannot.
-- The sum of hashes does not depend on the order of rows. A quarantine that has already run is counted in.
\ir fits.psql
set statement_timeout = '120s';
select to_regclass('quarantine.orders_0003') is not null as set_aside_before \gset
create temporary view orders_left as
  select o.*, :fits as fits from orders o;
\if :set_aside_before
create temporary view orders_aside as
  select id, customer, status, amount_cents, placed_at, guest_email from quarantine.orders_0003
  where reconciled_at is null;
create temporary view items_aside as
  select order_id, line, sku, quantity from quarantine.order_items_0003 where reconciled_at is null;
\else
create temporary view orders_aside as
  select id, customer, status, amount_cents, placed_at, guest_email from orders where false;
create temporary view items_aside as
  select order_id, line, sku, quantity from order_items where false;
\endif
select part, rows, checksum from (
  select 1 as n, 'orders' as part, count(*) as rows,
    coalesce(sum(hashtextextended(:order_row, 0)), 0) as checksum
  from orders_left o where o.fits
  union all
  select 2, 'order_items', count(*), coalesce(sum(hashtextextended(:item_row, 0)), 0)
  from order_items i join orders_left o on o.id = i.order_id where o.fits
  union all
  select 3, 'orders set aside', count(*), coalesce(sum(hashtextextended(:order_row_0003, 0)), 0)
  from (select id, customer, status, amount_cents, placed_at, guest_email from orders_left where not fits
        union all select * from orders_aside) o
  union all
  select 4, 'order_items set aside', count(*), coalesce(sum(hashtextextended(:item_row, 0)), 0)
  from (select i.order_id, i.line, i.sku, i.quantity
        from order_items i join orders_left o on o.id = i.order_id where not o.fits
        union all select * from items_aside) i
) parts order by n;
