# Reads the archived WAL from the begin of the backup on, without a gap, until a transaction after the target.
# Prints that transaction: it is where recovery has to stop, known before any server says so.
. "$(dirname "$0")/common.sh"
target=$(moment "$TARGET") || broken "$TARGET is no time"
id=$(control "$DATA" 'Database system identifier')
timeline=$(control "$DATA" "Latest checkpoint's TimeLineID")
size=$(control "$DATA" 'Bytes per WAL segment')
location=$(sed -n 's/^START WAL LOCATION: \([0-9A-F/]*\) .*/\1/p' "$BASE/backup_label")
file=$(sed -n 's/^START WAL LOCATION: .*file \([0-9A-F]*\)).*/\1/p' "$BASE/backup_label")
[ -n "$id" ] && [ -n "$timeline" ] && [ -n "$size" ] && [ -n "$location" ] && [ -n "$file" ] ||
  broken "original or backup do not say where recovery begins"
# A segment's name is 8 digits of timeline and 16 of position.
tail16() { printf %s "${1#????????}"; }
first=$(tail16 "$file")
pinned=$(printf %08X "$timeline")

# Compressed segments are unpacked for reading, beside the folder that is to be made: /tmp is often small.
links=$(mktemp -d "${WORK:-/tmp/wal}.reading.XXXXXX")
trap 'rm -f "$links"/*; rmdir "$links"' EXIT
# take DIR TIMELINE FROM HOW: its whole segments from a position on, under the name that a single timeline gives them.
bad=
take() {
  for link in "$links"/*; do
    name=$(basename "$link")
    [ "$name" = '*' ] || [ "$(tail16 "$name")" '<' "$3" ] || [ "$4" = fill ] || rm -f "$link"
  done
  for segment in "$1/$2"???????????????? "$1/$2"????????????????.*; do
    name=$(bare "$(basename "$segment")")
    case $name in *[!0-9A-F]*) continue ;; esac
    [ ! "$(tail16 "$name")" '<' "$3" ] || continue
    # Of several forms, the one that recovery takes.
    [ "$segment" = "$(stored "$1/$name")" ] || continue
    read_segment "$segment" "$name" "$links/$pinned$(tail16 "$name")"
  done
}
read_segment() {
  whole=$1
  case $1 in
    *.gz | *.lz4 | *.zst)
      opener "$1" >/dev/null || exit 1
      free=$(df -B1 --output=avail "$links" | tail -n 1 | tr -d ' ')
      [ "$free" -gt $((size * 4)) ] || broken "there is no room to unpack the archive's WAL beside $links"
      whole=$links/unpacking
      opened "$1" >"$whole" 2>/dev/null || { bad="$bad $(basename "$1") is cut short or damaged;"; return 0; } ;;
  esac
  if [ "$(stat -L -c %s "$whole")" != "$size" ]; then
    bad="$bad $2 has $(stat -L -c %s "$whole") bytes instead of $size;"
  elif [ "$(od -A n -t u8 -j 24 -N 8 "$whole" | tr -d ' ')" != "$id" ]; then
    bad="$bad $2 is of another cluster;"
  elif [ "$whole" = "$1" ]; then
    ln -sf "$1" "$3"
  else
    mv -f "$whole" "$3"
  fi
}
take "$BASE/pg_wal" "${file%"$first"}" "$first" fill
take "$ARCHIVE" "${file%"$first"}" "$first" fill
# Where the original has changed timelines since, each takes over from its switch point.
if [ "${file%"$first"}" != "$pinned" ]; then
  history=$(archived "$pinned.history") && [ -n "$history" ] || broken "the archive has no $pinned.history"
  from=
  begun=
  while read -r line switch _; do
    case $line in '' | *[!0-9]*) continue ;; esac
    [ -z "$begun" ] || take "$ARCHIVE" "$(printf %08X "$line")" "$from" over
    [ "$(printf %08X "$line")" != "${file%"$first"}" ] || begun=yes
    from=$(printf '%08X%08X' "0x${switch%/*}" $((0x${switch#*/} / size)))
  done <<HISTORY
$history
HISTORY
  [ -n "$begun" ] || broken "timeline ${file%"$first"} is not in the history of $pinned"
  take "$ARCHIVE" "$pinned" "$from" over
fi

rm -f "$links/unpacking"
newest=$(ls "$links" | tail -n 1)
[ -n "$newest" ] || broken "the archive has no whole segment from $file on;$bad"
found=$("$BIN/pg_waldump" -p "$links" -t "$timeline" -s "$location" -r Transaction -r Tablespace 2>"$links/said" |
  awk -v target="$target" '
    # Replaying this would first empty the folder it names: the one that the original uses.
    /^rmgr: Tablespace .* desc: CREATE / { sub(/.* desc: CREATE /, ""); print "tablespace " $0; stopped = 1; exit }
    match($0, /(COMMIT|ABORT)(_PREPARED)? ([0-9]+: )?[0-9-]+ [0-9:.]+ UTC/) {
      split(substr($0, RSTART, RLENGTH), word, " ")
      n = word[2] ~ /:$/ ? 3 : 2
      last = word[n] " " word[n + 1]
      if (last > target) {
        xid = $0; sub(/.*tx: */, "", xid); sub(/,.*/, "", xid)
        if (n == 3) xid = word[2] + 0
        print "transaction " xid " at " last
        stopped = 1
        exit
      }
    }
    END { if (stopped) exit; if (last == "") print "nothing"; else if (last <= target) print "only " last }') || true
said=$(head -n 1 "$links/said" 2>/dev/null || true)
never=$(ls "$DATA/pg_wal/archive_status" 2>/dev/null | grep -c '\.ready$' || true)
case $found in
  transaction*) judged "$found" ;;
  tablespace*) broken "after the backup a $found was made: replaying that would empty the original's folder; take a newer backup" ;;
  only*) broken "the archive's last transaction is of ${found#only }, before the target $target;$bad ${said#pg_waldump: } ($never files of the original are not archived yet)" ;;
  *) broken "the archive has no transaction between the backup and its end;$bad ${said#pg_waldump: } ($never files of the original are not archived yet)" ;;
esac
