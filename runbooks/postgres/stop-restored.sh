# Stops the restored server, if it runs.
. "$(dirname "$0")/common.sh"
[ -z "$(postmaster "$WORK/data")" ] || as_owner "$BIN/pg_ctl" -D "$WORK/data" -m fast -w -t 300 stop
