# ask.sh restored|production FORMAT STATEMENT
. "$(dirname "$0")/../postgres/common.sh"
where=$1
shape=$2
case $where in
  restored) as_owner "$BIN/psql" -X -q $shape -v ON_ERROR_STOP=1 -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d "$DATABASE" -c "$3" ;;
  production) psql_on "$DATA" $shape -d "$DATABASE" -c "$3" ;;
esac
