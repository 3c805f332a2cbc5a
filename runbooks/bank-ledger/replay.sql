-- A message delivered twice is one message.
create temporary table arrived on commit drop as select distinct on (key, line) * from incoming order by key, line;
create table if not exists ledger_replay (
  key text primary key, incident text not null, outcome text not null, reconciled_at timestamptz
);
insert into ledger_replay (key, incident, outcome)
select a.key, :'incident',
       case
         when exists (select from ledger_transactions t where t.key = a.key) then
           case when (select coalesce(jsonb_object_agg(account, cents), '{}') from
                        (select account, sum(cents) as cents from ledger_postings p where p.key = a.key group by account) b)
                   = (select coalesce(jsonb_object_agg(account, cents), '{}') from
                        (select account, sum(cents) as cents from arrived p where p.key = a.key group by account) b)
                then 'there already' else 'review: booked with other amounts' end
         when sum(a.cents) <> 0 then 'review: does not add up to zero'
         when bool_or(not exists (select from ledger_accounts c where c.id = a.account)) then 'review: unknown account'
         else 'replayed'
       end
from arrived a
group by a.key
on conflict (key) do nothing;
-- Transaction, postings and balances in one statement: there is no state in between to be cut off in.
with booked as (
  insert into ledger_transactions (key, booked_at)
  select a.key, min(a.booked_at) from arrived a join ledger_replay r on r.key = a.key and r.outcome = 'replayed'
  group by a.key
  on conflict (key) do nothing
  returning key
), posted as (
  insert into ledger_postings (key, account, cents)
  select a.key, a.account, a.cents from arrived a join booked on booked.key = a.key
  returning account, cents
)
update ledger_accounts c set cents = c.cents + p.cents
from (select account, sum(cents) as cents from posted group by account) p
where c.id = p.account;
select outcome || ': ' || count(*) from ledger_replay group by outcome order by outcome;
commit;
