# Is there room beside the original: a new folder, on the same file system, with space, and a free port?
. "$(dirname "$0")/common.sh"
for new in "$WORK" "$WORK.unpacked" "$SPACES"; do
  [ ! -e "$new" ] && [ ! -L "$new" ] || judged "$new is there already: an attempt before this one may be in it"
done
parent=$(dirname "$WORK")
[ -d "$parent" ] || judged "$parent is not there"
case $(readlink -f "$parent")/ in
  "$(readlink -f "$DATA")"/* | "$(readlink -f "$BACKUP")"/* | "$(readlink -f "$ARCHIVE")"/*)
    judged "$WORK would be inside the original, the backup or the archive" ;;
esac
for folder in "$BACKUP" "$ARCHIVE"; do
  [ -d "$folder" ] || judged "$folder is not there"
done
if [ "$SPACES" != "$WORK/tablespaces" ]; then
  [ -d "$(dirname "$SPACES")" ] || judged "$(dirname "$SPACES") is not there"
  for used in "$DATA" "$BACKUP" "$ARCHIVE" "$DATA"/pg_tblspc/*; do
    used=$(readlink -f "$used") && [ -d "$used" ] || continue
    case $(readlink -f "$(dirname "$SPACES")")/ in "$used"/*) judged "$SPACES would be inside $used" ;; esac
  done
fi
# What the backup says it holds, unpacked and with its tablespaces; what it takes up, where it says nothing.
bytes=$(grep -o '"Size": [0-9]*' "$BACKUP/backup_manifest" 2>/dev/null | awk '{ sum += $2 } END { printf "%.0f", sum }')
[ "${bytes:-0}" -gt 0 ] || bytes=$(du -s -B1 "$BACKUP" | cut -f 1)
need=$((bytes + SPARE))
free=$(df -B1 --output=avail "$parent" | tail -n 1 | tr -d ' ')
[ "$free" -ge "$need" ] || judged "the disk is too small: $parent has $free bytes free, $need are needed"
# Putting it into place is a rename; between file systems it would be a copy that can break half-way.
[ "$(stat -c %d "$parent")" = "$(stat -c %d "$(dirname "$DATA")")" ] ||
  judged "$parent and $(dirname "$DATA") are not on one file system"
# Listening sockets, as the kernel has them: whoever it is, a server that answers there is another one.
listening=$(printf ':%04X .* 0A ' "$PORT")
! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q "$listening" || judged "port $PORT is taken"
judged "there is room"
