# Who answers in the working folder: the name that only the restored server was given.
. "$(dirname "$0")/common.sh"
[ -n "$(postmaster "$WORK/data")" ] || broken "no server runs on $WORK/data"
as_owner "$BIN/psql" -X -A -t -v ON_ERROR_STOP=1 -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d postgres -c "show cluster_name"
