# place.sh in|out|back|look: the data folder of the service, once the old one is set aside.
. "$(dirname "$0")/common.sh"
aside() { find "$(dirname "$DIR")" -maxdepth 1 -name "$(basename "$DIR").set-aside.$INCIDENT.*" | head -n 1; }
setting() { sed -n "s/^[[:space:]]*$1[[:space:]]*\"\{0,1\}\([^\"]*\)\"\{0,1\}[[:space:]]*$/\1/p" "$CONF" | tail -n 1; }
file=$(setting dbfilename)
file=${file:-dump.rdb}
case $1 in
  in)
    [ ! -e "$DIR" ] || { echo "$DIR is still there" >&2; exit 1; }
    fetch "$DIR" 750
    [ "$(id -u)" != 0 ] || ! id "$ACCOUNT" >/dev/null 2>&1 || chown -R "$ACCOUNT:" "$DIR"
    if [ "$(setting appendonly)" = yes ]; then
      set --
      for name in appenddirname appendfilename; do
        value=$(setting "$name")
        [ -z "$value" ] || set -- "$@" "--$name" "$value"
      done
      lone "$DIR" "$PORT" "$@"
      until redis-cli -h 127.0.0.1 -p "$PORT" dbsize 2>&1 | grep -qx '[0-9]*'; do sleep 0.2; done
      redis-cli -h 127.0.0.1 -p "$PORT" config set appendonly yes >/dev/null
      # Switched on, it writes the file in the background: done when it says that it did, and well.
      until redis-cli -h 127.0.0.1 -p "$PORT" info persistence | tr -d '\r' | awk -F: '
        $1 == "aof_rewrite_in_progress" { running = $2 } $1 == "aof_rewrite_scheduled" { waiting = $2 }
        $1 == "aof_last_bgrewrite_status" { status = $2 } END { exit !(running == 0 && waiting == 0 && status == "ok") }'; do sleep 0.2; done
      redis-cli -h 127.0.0.1 -p "$PORT" shutdown nosave || true
      while [ -e "$DIR/lone.pid" ]; do sleep 0.2; done
      rm -f "$DIR/lone.log"
    fi
    [ "$file" = dump.rdb ] || mv "$DIR/dump.rdb" "$DIR/$file" ;;
  out)
    [ -e "$DIR" ] || { echo "nothing was put in place"; exit 0; }
    mv -T "$DIR" "$DIR.not-used.$INCIDENT" ;;
  back)
    [ ! -e "$DIR" ] || { echo "$DIR is there: take the new files out first" >&2; exit 1; }
    mv -T "$(aside)" "$DIR" ;;
  look)
    [ -d "$(aside)" ] || { echo 'the old files are not set aside'; exit 0; }
    [ -s "$DIR/$file" ] || { echo "there is no $DIR/$file"; exit 0; }
    echo 'old files kept and new files there' ;;
esac
