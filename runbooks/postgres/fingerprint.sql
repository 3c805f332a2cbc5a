-- One row for each table: how many rows, and a sum that is the same in any order of the rows.
-- Take it regularly, with the time beside it: it is what a restore is held against.
-- How a value is written must not depend on whose settings it is read with.
set timezone = 'UTC';
set datestyle = 'ISO, YMD';
set intervalstyle = 'postgres';
set extra_float_digits = 1;
set bytea_output = 'hex';
set lc_monetary = 'C';
-- Unlogged tables are empty after any recovery.
select coalesce(
  string_agg(
    format('select %L as part, count(*) as rows, coalesce(sum(hashtextextended(t::text, 0)), 0) as checksum from %I.%I t',
           schemaname || '.' || tablename, schemaname, tablename),
    ' union all '),
  'select ''no table'' as part, 0 as rows, 0 as checksum') as statement
from pg_tables
where schemaname not like 'pg\_%' and schemaname <> 'information_schema'
  and (select relpersistence from pg_class where oid = format('%I.%I', schemaname, tablename)::regclass) = 'p'
\gset
:statement order by part;
