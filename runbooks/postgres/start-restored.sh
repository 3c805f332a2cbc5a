# Starts the restored server. That it has started says nothing: it answers long before it has reached its target.
. "$(dirname "$0")/common.sh"
[ -z "$(postmaster "$WORK/data")" ] || judged "it runs"
# A server writes this once it has taken its folder, and leaves it there when it goes.
as_owner rm -f -- "$WORK/data/postmaster.opts"
as_owner "$BIN/pg_ctl" -D "$WORK/data" -l "$WORK/log" -o "-c config_file=$WORK/restore.conf" -W start
# Until it has taken its folder, nobody could tell that it is not yet there from that it is gone. It may have come and
# gone between two looks.
waited=0
while [ ! -e "$WORK/data/postmaster.opts" ] && ! grep -qE 'FATAL|PANIC' "$WORK/log" 2>/dev/null; do
  waited=$((waited + 1))
  [ "$waited" -lt 300 ] || broken "it has not come up in a minute: see $WORK/log"
  sleep 0.2
done
