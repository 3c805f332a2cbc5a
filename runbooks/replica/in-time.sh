# Has the replica not yet replayed what came after the last good moment?
. "$(dirname "$0")/../postgres/common.sh"
target=$(moment "$TARGET") || broken "$TARGET is no time"
last=$(psql_on "$DATA" -A -t -d "$DATABASE" -c "select to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
# Nothing replayed since it started: then it stands at its last checkpoint or before.
[ -n "$last" ] || last=$(moment "$(control "$DATA" 'Time of latest checkpoint')") || broken "the replica does not say how far it is"
if [ "$last" '>' "$target" ]; then judged "too late: it has replayed a transaction of $last"; fi
judged "in time"
