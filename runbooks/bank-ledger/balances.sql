-- One row an account, as the end-of-day statement has it.
select id as part, cents from ledger_accounts order by id;
