# Starts the restored server. That it has started says nothing: it answers long before it has reached its target.
. "$(dirname "$0")/common.sh"
[ -z "$(postmaster "$WORK/data")" ] || judged "it runs"
as_owner "$BIN/pg_ctl" -D "$WORK/data" -l "$WORK/log" -o "-c config_file=$WORK/restore.conf" -W start
# Until it has taken its folder, nobody could tell that it is not yet there from that it is gone.
waited=0
while [ -z "$(postmaster "$WORK/data")" ] && ! grep -qE 'FATAL|PANIC' "$WORK/log" 2>/dev/null; do
  waited=$((waited + 1))
  [ "$waited" -lt 300 ] || broken "it has not come up in a minute: see $WORK/log"
  sleep 0.2
done
