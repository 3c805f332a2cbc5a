# Runs a Redis alone on a port, with a folder of its own and nothing from the service's configuration.
set -eu
as_owner() {
  if [ "$(id -u)" = 0 ] && id "$ACCOUNT" >/dev/null 2>&1; then
    setpriv --reuid "$ACCOUNT" --regid "$(id -g "$ACCOUNT")" --init-groups -- "$@"
  else
    "$@"
  fi
}
# lone FOLDER PORT ARGUMENT…: on dump.rdb of the folder, append-only off, no snapshots of its own.
lone() {
  folder=$1 at=$2
  shift 2
  (cd "$folder" && as_owner redis-server --port "$at" --bind 127.0.0.1 --dir "$folder" --dbfilename dump.rdb --appendonly no --save '' \
    --daemonize yes --logfile "$folder/lone.log" --pidfile "$folder/lone.pid" "$@")
}
