# Has the original archive the segment it is writing. Changes no row; a stopped or crashed original has done it or cannot.
. "$(dirname "$0")/common.sh"
if [ -n "$(postmaster "$DATA")" ]; then
  psql_on "$DATA" -d postgres -A -t -c "select 'switched at ' || pg_switch_wal()"
else
  echo "the original does not run: what it has not archived by now stays in its pg_wal"
fi
