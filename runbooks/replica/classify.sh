# Brings the rows as they were to the primary, into a schema of their own, and says of each difference what it is.
. "$(dirname "$0")/../postgres/common.sh"
{
  cat "$here/then.sql"
  psql_on "$DATA" -d "$DATABASE" -c "copy (select * from $TABLE) to stdout"
  printf '\\.\n'
  cat "$here/plan.sql"
} | as_owner "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -v table="$TABLE" -v key="$KEY" -v changed="$CHANGED" -v until="$UNTIL" -d "$PRIMARY"
