# Books what the journal holds and the restored ledger does not. A key is booked once, however often this runs.
. "$(dirname "$0")/../postgres/common.sh"
# Two people agreed on a journal; another one, or a longer one, is not it.
[ "$(sha256sum <"$JOURNAL" | cut -d ' ' -f 1)" = "$AGREED" ] || broken "the journal has changed since it was agreed on"
{
  cat "$here/incoming.sql"
  tr -d '\r' <"$JOURNAL"
  printf '\\.\n'
  cat "$here/replay.sql"
} | PGOPTIONS='-c default_transaction_read_only=off' as_owner "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
  -v incident="$INCIDENT" -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d "$DATABASE"
