# Starts or stops the service of the original, the way this machine does it: START and STOP are lines for sh.
. "$(dirname "$0")/common.sh"
case $1 in
  stop)
    if [ -n "$STOP" ]; then sh -euc "$STOP"
    elif [ -n "$(postmaster "$DATA")" ]; then as_owner "$BIN/pg_ctl" -D "$DATA" -m fast -w -t 300 stop
    else echo "it does not run"; fi ;;
  start)
    if [ -n "$START" ]; then sh -euc "$START"
    elif [ -z "$(postmaster "$DATA")" ]; then
      as_owner "$BIN/pg_ctl" -D "$DATA" -l "$(dirname "$DATA")/$(basename "$DATA").log" -w -t 300 start
    else echo "it runs"; fi ;;
esac
