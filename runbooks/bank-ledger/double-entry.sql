-- What holds in any state of a ledger with double entries: `holds`, or what does not.
select coalesce(string_agg(broken, '; '), 'holds')
from (
  select 'transaction ' || key || ' adds up to ' || sum(cents) from ledger_postings group by key having sum(cents) <> 0
  union all
  select 'transaction ' || key || ' has no postings' from ledger_transactions t
  where not exists (select from ledger_postings p where p.key = t.key)
  union all
  select 'account ' || a.id || ' shows ' || a.cents || ' and its postings add up to ' || coalesce(sum(p.cents), 0)
  from ledger_accounts a left join ledger_postings p on p.account = a.id
  group by a.id, a.cents having a.cents <> coalesce(sum(p.cents), 0)
  union all
  select 'posting of ' || p.key || ' without transaction or account' from ledger_postings p
  where not exists (select from ledger_transactions t where t.key = p.key)
     or not exists (select from ledger_accounts a where a.id = p.account)
  union all
  select 'all balances together are ' || sum(cents) from ledger_accounts having sum(cents) <> 0
) as found(broken);
