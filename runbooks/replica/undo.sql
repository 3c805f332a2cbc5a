begin;
delete from :table n using repair.plan p, repair.then o
where p.key = n.:"key"::text and o.:"key" = n.:"key" and p.kind = 'missing' and p.decision = 'take back' and n::text = o::text;
select format('update %s n set %s from repair.now b join repair.plan p on p.key = b.%I::text join repair.then o on o.%I = b.%I where n.%I = b.%I and p.decision = ''take back'' and n::text = o::text',
              :'table', string_agg(format('%I = b.%I', attname, attname), ', '), :'key', :'key', :'key', :'key', :'key') as statement
from pg_attribute
where attrelid = :'table'::regclass and attnum > 0 and not attisdropped and attgenerated = ''
\gset
:statement;
commit;
