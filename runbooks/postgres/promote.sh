# Ends recovery where it stands. The server opens, still alone and read-only, on a timeline of its own.
. "$(dirname "$0")/common.sh"
as_owner "$BIN/psql" -X -A -t -v ON_ERROR_STOP=1 -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d postgres -c 'select pg_promote(true, 300)'
