# Are the two a primary and its replica, and would the replica not pause for lower settings than the primary's?
. "$(dirname "$0")/../postgres/common.sh"
who="select pg_is_in_recovery(), (select system_identifier from pg_control_system())"
sizes="select setting from pg_settings where name in ('max_connections', 'max_worker_processes', 'max_wal_senders',
       'max_prepared_transactions', 'max_locks_per_transaction') order by name"
primary() { as_owner "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d "$PRIMARY" -c "$1"; }
replica() { psql_on "$DATA" -A -t -d "$DATABASE" -c "$1"; }
first=$(primary "$who")
second=$(replica "$who")
[ "${first%%|*}" = f ] || judged "what was named as primary is in recovery"
[ "${second%%|*}" = t ] || judged "what was named as replica is not in recovery"
[ "${first#*|}" = "${second#*|}" ] || judged "they are two systems: ${first#*|} and ${second#*|}"
lower=$(paste -d ' ' /dev/fd/3 /dev/fd/4 3<<A 4<<B | awk '$1 > $2' | wc -l
$(primary "$sizes")
A
$(replica "$sizes")
B
)
[ "$lower" = 0 ] || judged "the replica has $lower settings lower than the primary: replay would pause on the way"
judged "a primary and its replica"
