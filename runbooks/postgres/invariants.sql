-- Holds in any state: every foreign key finds its row, and every index can be used. Prints `holds` or what does not.
-- The server's own checks ran when rows were written; a restore brings back pages, and nothing checks them again.
select coalesce(
  string_agg(
    format('select %L || count(*) as broken from %s c where %s and not exists (select from %s p where %s) having count(*) > 0',
           k.conname || ': rows without their parent: ', k.conrelid::regclass, k.filled, k.confrelid::regclass, k.joined),
    ' union all '),
  'select null where false') as statement
from (
  select c.conname, c.conrelid, c.confrelid,
         string_agg(format('c.%I is not null', a.attname), ' and ') as filled,
         string_agg(format('c.%I = p.%I', a.attname, f.attname), ' and ') as joined
  from pg_constraint c
  cross join lateral unnest(c.conkey, c.confkey) as pair(child, parent)
  join pg_attribute a on a.attrelid = c.conrelid and a.attnum = pair.child
  join pg_attribute f on f.attrelid = c.confrelid and f.attnum = pair.parent
  where c.contype = 'f' and c.convalidated
  group by c.oid, c.conname, c.conrelid, c.confrelid
) k
\gset
select coalesce(string_agg(broken, '; '), 'holds')
from (
  :statement
  union all
  select 'index ' || indexrelid::regclass || ' is not valid' from pg_index where not indisvalid
) as found(broken);
