# Is every row what was decided: as it was then, or as it was kept?
. "$(dirname "$0")/../postgres/common.sh"
as_owner "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d "$PRIMARY" -c "
  select case when count(*) = 0 then 'as decided' else count(*) || ' rows are not as decided: ' || left(string_agg(p.key, ', '), 80) end
  from repair.plan p join repair.then o on o.\"$KEY\"::text = p.key left join $TABLE n on n.\"$KEY\" = o.\"$KEY\"
  where n::text is distinct from case p.decision when 'take back' then o::text else p.was end"
