# Runs a Redis alone on a port, with a folder of its own and nothing from the service's configuration.
set -eu
as_owner() {
  if [ "$(id -u)" = 0 ] && id "$ACCOUNT" >/dev/null 2>&1; then
    setpriv --reuid "$ACCOUNT" --regid "$(id -g "$ACCOUNT")" --init-groups -- "$@"
  else
    "$@"
  fi
}
# fetch FOLDER: the snapshot as dump.rdb; fails when it is not the one that was looked at.
fetch() {
  same() { [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "${SUM%% *}" ] || { echo "$SNAPSHOT is not the snapshot that was looked at" >&2; return 1; }; }
  same "$SNAPSHOT" && mkdir -m "$2" "$1" && cp "$SNAPSHOT" "$1/dump.rdb" && same "$1/dump.rdb"
}
# lone FOLDER PORT ARGUMENT…: on dump.rdb of the folder, append-only off, no snapshots of its own.
lone() {
  folder=$1 at=$2
  shift 2
  (cd "$folder" && as_owner redis-server --port "$at" --bind 127.0.0.1 --dir "$folder" --dbfilename dump.rdb --appendonly no --save '' \
    --daemonize yes --logfile "$folder/lone.log" --pidfile "$folder/lone.pid" "$@")
}
