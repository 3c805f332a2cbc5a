# What must hold in any state of this database, whatever the point in time.
. "$(dirname "$0")/common.sh"
case $1 in
  restored) as_owner "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d "$DATABASE" <"$INVARIANTS" ;;
  production) psql_on "$DATA" -A -t -d "$DATABASE" <"$INVARIANTS" ;;
esac
