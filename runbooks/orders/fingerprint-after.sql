-- The same four lines as fingerprint-before.sql, now read from where the rows must be.
\ir fits.psql
set statement_timeout = '120s';
select part, rows, checksum from (
  select 1 as n, 'orders' as part, count(*) as rows,
    coalesce(sum(hashtextextended(:order_row, 0)), 0) as checksum
  from orders o
  union all
  select 2, 'order_items', count(*), coalesce(sum(hashtextextended(:item_row, 0)), 0) from order_items i
  union all
  select 3, 'orders set aside', count(*), coalesce(sum(hashtextextended(:order_row_0003, 0)), 0)
  from quarantine.orders_0003 o where o.reconciled_at is null
  union all
  select 4, 'order_items set aside', count(*), coalesce(sum(hashtextextended(:item_row, 0)), 0)
  from quarantine.order_items_0003 i where i.reconciled_at is null
) parts order by n;
