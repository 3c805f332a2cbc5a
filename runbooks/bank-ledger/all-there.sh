# Is every key of the journal booked, or put down for review? Read from the journal, not from what the replay said.
. "$(dirname "$0")/../postgres/common.sh"
missing=$({
  echo 'create temporary table wanted (key text);'
  echo 'copy wanted from stdin (format csv);'
  tail -n +2 "$JOURNAL" | tr -d '\r' | cut -d , -f 1 | sort -u
  printf '\\.\n'
  echo "select count(*) from wanted w where not exists (select from ledger_transactions t where t.key = w.key)
          and not exists (select from ledger_replay r where r.key = w.key and r.outcome like 'review%');"
} | PGOPTIONS='-c default_transaction_read_only=off' as_owner "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d "$DATABASE")
[ "$missing" = 0 ] && judged "all there"
judged "$missing keys of the journal are nowhere"
