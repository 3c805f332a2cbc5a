# try.sh start|stop: a Redis beside the service that loads a copy of the snapshot.
. "$(dirname "$0")/common.sh"
folder=$DIR.try-$INCIDENT
case $1 in
  start)
    ! grep -q "$(printf ':%04X .* 0A ' "$PORT")" /proc/net/tcp /proc/net/tcp6 2>/dev/null || { echo "port $PORT is taken" >&2; exit 1; }
    fetch "$folder" 700
    [ "$(id -u)" != 0 ] || ! id "$ACCOUNT" >/dev/null 2>&1 || chown -R "$ACCOUNT:" "$folder"
    lone "$folder" "$PORT" ;;
  stop)
    [ ! -f "$folder/lone.pid" ] || redis-cli -h 127.0.0.1 -p "$PORT" shutdown nosave || true
    rm -f "$folder/dump.rdb" "$folder/lone.log" "$folder/lone.pid"
    [ ! -d "$folder" ] || rmdir "$folder" ;;
esac
