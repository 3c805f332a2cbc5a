begin;
-- Rows that somebody changed after they were classified are not written over: everything stops.
select n.:"key" from :table n join repair.plan p on p.key = n.:"key"::text and p.decision = 'take back' for update of n
\g /dev/null
select count(*) as moved
from repair.plan p join repair.then o on o.:"key"::text = p.key left join :table n on n.:"key" = o.:"key"
where p.decision = 'take back' and n::text is distinct from p.was and n::text is distinct from o::text
\gset
select 1 / (:moved = 0)::int as "rows changed again since they were classified"
\g /dev/null
insert into :table select o.* from repair.then o join repair.plan p on p.key = o.:"key"::text
where p.kind = 'missing' and p.decision = 'take back'
on conflict do nothing;
select format('update %s n set %s from repair.then o join repair.plan p on p.key = o.%I::text where n.%I = o.%I and p.decision = ''take back'' and n::text <> o::text',
              :'table', string_agg(format('%I = o.%I', attname, attname), ', '), :'key', :'key', :'key') as statement
from pg_attribute
where attrelid = :'table'::regclass and attnum > 0 and not attisdropped and attgenerated = ''
\gset
:statement;
commit;
