# What the scripts of this folder share; each begins with `. "$(dirname "$0")/common.sh"`.
# Their answers are judged by the runbook: one line, and any other exit code than 0 means that nobody knows.
set -eu
# Times are compared as text, so there is one zone and one language.
export LC_ALL=C TZ=UTC
here=$(cd "$(dirname "$0")" && pwd)

# as_owner COMMAND…: PostgreSQL refuses to run as root, and what root made its owner could not use.
as_owner() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && exec setpriv --reuid "$ACCOUNT" --regid "$(id -g "$ACCOUNT")" --init-groups -- "$@")
  else
    (cd / && exec "$@")
  fi
}

# control DIR LABEL: one line of pg_controldata.
control() {
  "$BIN/pg_controldata" -D "$1" 2>/dev/null | sed -n "s/^$2: *//p" | head -n 1
}

# moment TEXT: a time in one form that sorts as text; fails where the text is no time. Nothing at all is none, though
# `date` takes it for today's midnight.
moment() {
  case $1 in *[0-9]*) ;; *) return 1 ;; esac
  date -u -d "$1" '+%Y-%m-%d %H:%M:%S.%6N'
}

# Where the backup stands as a cluster: in its own folder, or unpacked beside the new one (see unpack.sh).
[ "${FORMAT:-plain}" = tar ] && BASE=${WORK:-}.unpacked || BASE=${BACKUP:-}
# Where the tablespaces of the restored cluster go: a new folder, never the original's.
SPACES=${TABLESPACES:-}
[ -n "$SPACES" ] || SPACES=${WORK:-}/tablespaces

# stored PATH: the file of this name, compressed or not; the plain one comes first here, and in recovery.
stored() {
  for file in "$1" "$1.gz" "$1.lz4" "$1.zst"; do
    [ ! -f "$file" ] || { echo "$file"; return 0; }
  done
  return 1
}

# opener FILE: the program that reads this ending, checked; `cat` of a plain file.
opener() {
  case $1 in *.gz) program=gzip ;; *.lz4) program=lz4 ;; *.zst) program=zstd ;; *) program=cat ;; esac
  command -v "$program" >/dev/null || broken "$1 needs the program $program, which is not here: install it (package $program)"
  echo "$program"
}

# opened FILE: its content on standard output; fails when it is cut short or damaged, or nothing here can read it.
opened() {
  program=$(opener "$1") || return 1
  case $program in cat) cat "$1" ;; *) "$program" -dcq <"$1" ;; esac
}

# bare NAME: without the ending of its compression.
bare() {
  name=${1%.gz} && name=${name%.lz4} && printf '%s\n' "${name%.zst}"
}

# archived NAME: a file of the archive on standard output; fails where there is none or a broken one.
archived() {
  file=$(stored "$ARCHIVE/$1") && opened "$file"
}

# mapped FILE: number and folder of each tablespace in a tablespace_map.
mapped() {
  [ ! -s "$1" ] || sed 's/\\\(.\)/\1/g' "$1"
}

# judged TEXT: the answer, and the end.
judged() {
  printf '%s\n' "$1"
  exit 0
}

# broken TEXT: nobody knows, and why.
broken() {
  printf '%s\n' "$1" >&2
  exit 1
}

# postmaster DIR: the process id of the server that runs on DIR, if one does.
# A stale postmaster.pid is normal after a crash, and its number may belong to somebody else by now.
postmaster() {
  [ -r "$1/postmaster.pid" ] || return 0
  pid=$(head -n 1 "$1/postmaster.pid")
  case $pid in '' | *[!0-9]*) return 0 ;; esac
  cwd=$(readlink "/proc/$pid/cwd" 2>/dev/null) || return 0
  [ "$cwd" != "$(readlink -f "$1")" ] || echo "$pid"
}

# psql_on DIR ARGUMENT…: asks the server that runs on DIR, whatever its port and socket are.
psql_on() {
  dir=$1
  shift
  [ -n "$(postmaster "$dir")" ] || broken "no server runs on $dir"
  port=$(sed -n 4p "$dir/postmaster.pid")
  socket=$(sed -n 5p "$dir/postmaster.pid")
  [ -n "$socket" ] || socket=127.0.0.1
  as_owner "$BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$socket" -p "$port" -U "${DBUSER:-postgres}" "$@"
}
