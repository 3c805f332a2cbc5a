# Where the restored server is, as far as it can be proved:
#   on the way …                     recovery goes on
#   paused before transaction N at T recovery has reached its target
#   stopped on the way: …            paused for another reason
#   ended: …                         it is gone, with its last words
#   open …                           it is no longer in recovery
#   closed                           it was stopped in order
. "$(dirname "$0")/common.sh"
[ -f "$WORK/log" ] || broken "it was not started yet"
if [ -z "$(postmaster "$WORK/data")" ]; then
  [ "$(control "$WORK/data" 'Database cluster state')" != 'shut down' ] || judged closed
  judged "ended: $(grep -E 'FATAL|PANIC|LOG: .*(invalid|could not|stopping)' "$WORK/log" | tail -n 3 | tr '\n' ' ')"
fi
ask() { as_owner "$BIN/psql" -X -A -t -v ON_ERROR_STOP=1 -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d postgres -c "$1"; }
state=$(ask "select case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() else 'open' end" 2>&1) ||
  judged "on the way: $(printf %s "$state" | tail -n 1)"
case $state in
  open) judged "open on timeline $(ask "select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")" ;;
  'not paused' | 'pause requested') judged "on the way at $(ask 'select pg_last_wal_replay_lsn()')" ;;
  paused) ;;
  *) broken "the server said: $state" ;;
esac
# It also pauses for settings that are too low. Only its own sentence says that this is the target.
stop=$(sed -n 's/^LOG:  recovery stopping before \(commit\|abort\) of \(prepared \)\{0,1\}transaction \([0-9]*\), time \(.*\)$/\3 \4/p' "$WORK/log" | tail -n 1)
[ -n "$stop" ] || judged "stopped on the way: $(grep -E 'WARNING|FATAL|HINT|DETAIL' "$WORK/log" | tail -n 2 | tr '\n' ' ')"
last=$(ask "select to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
target=$(moment "$TARGET")
[ -z "$last" ] || [ ! "$last" '>' "$target" ] || judged "stopped on the way: it replayed a transaction of $last, which is after $target"
judged "paused before transaction ${stop%% *} at $(moment "${stop#* }")"
