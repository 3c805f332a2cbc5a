-- missing: was there then and is not now. damaged: another now, last changed in the harmful time. conflict: changed again
-- since. What is new since is left alone. Conflicts have no decision yet: that is what people are for.
create table repair.plan as
select coalesce(o.:"key", n.:"key")::text as key,
       case when n.:"key" is null then 'missing'
            when n.:"changed" <= :'until'::timestamptz then 'damaged'
            else 'conflict' end as kind,
       n::text as was
from repair.then o left join :table n on n.:"key" = o.:"key"
where n.:"key" is null or o::text is distinct from n::text;
alter table repair.plan add primary key (key), add decision text check (decision in ('take back', 'keep'));
update repair.plan set decision = 'take back' where kind <> 'conflict';
create table repair.now (like :table);
insert into repair.now select n.* from :table n join repair.plan p on p.key = n.:"key"::text;
select kind || ': ' || count(*) from repair.plan group by kind order by kind;
commit;
