# ask.sh primary|replica STATEMENT: one answer of one of the two servers.
. "$(dirname "$0")/../postgres/common.sh"
case $1 in
  primary) as_owner "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d "$PRIMARY" -c "$2" ;;
  replica) psql_on "$DATA" -A -t -d "$DATABASE" -c "$2" ;;
esac
