# Is the backup whole, of this cluster, of its history, and complete before the point in time?
. "$(dirname "$0")/common.sh"
if [ "${FORMAT:-plain}" = plain ] && [ -z "$(find "$BACKUP" -maxdepth 1 -name PG_VERSION)" ] && [ -n "$(find "$BACKUP" -maxdepth 1 -name 'base.tar*')" ]; then
  judged "the backup is kept in archives: open the incident with format=tar"
fi
[ -d "$BASE" ] || judged "$BASE is not there"
[ -f "$BASE/backup_manifest" ] || judged "the backup has no backup_manifest: nothing can be said about it"
# A link in a backup leads out of it, usually into the original: the restored server would write there.
link=$(find "$BASE" -path "$BASE/pg_tblspc" -prune -o -type l -print | head -n 1)
[ -z "$link" ] || judged "the backup holds a link that leads out of it: $link"
# Tablespaces are links by nature; they may lead to the backup's own copies, and never to what the original uses.
for space in "$BASE"/pg_tblspc/*; do
  [ -e "$space" ] || [ -L "$space" ] || continue
  place=$(readlink -f "$space") && [ -d "$place" ] || judged "tablespace $(basename "$space") of the backup leads to nothing: $(readlink "$space")"
  for used in "$DATA" "$DATA"/pg_tblspc/*; do
    used=$(readlink -f "$used") && [ -d "$used" ] || continue
    case $place/ in "$used"/*) judged "tablespace $(basename "$space") of the backup is the original's own folder $place, and no copy of it" ;; esac
  done
  link=$(find "$place" -type l | head -n 1)
  [ -z "$link" ] || judged "the backup holds a link that leads out of it: $link"
done
missing=$(mapped "$BASE/tablespace_map" | while read -r number place; do
  [ -d "$BASE/pg_tblspc/$number" ] || { echo "$number ($place)"; break; }
done)
[ -z "$missing" ] || judged "tablespace $missing is not in the backup"
[ -f "$BASE/backup_label" ] || judged "the backup has no backup_label: recovery would not know where to begin"
# WAL comes from the archive, and is looked at by reaches.sh; some backups hold none.
why=$("$BIN/pg_verifybackup" -n -q -e "$BASE" 2>&1) || judged "pg_verifybackup: $(printf %s "$why" | head -n 1)"

ours=$(control "$DATA" 'Database system identifier')
theirs=$(control "$BASE" 'Database system identifier')
[ -n "$ours" ] && [ -n "$theirs" ] || broken "a system identifier cannot be read"
[ "$ours" = "$theirs" ] || judged "the backup is of another cluster: system identifier $theirs, the original's is $ours"
[ "$(cat "$BASE/PG_VERSION")" = "$(cat "$DATA/PG_VERSION")" ] || judged "the backup is of another version"

# The history the original has lived decides, not the newest branch that somebody archived.
timeline=$(control "$DATA" "Latest checkpoint's TimeLineID")
of_backup=$(sed -n 's/^START TIMELINE: //p' "$BASE/backup_label")
[ -n "$of_backup" ] || of_backup=$(control "$BASE" "Latest checkpoint's TimeLineID")
if [ "$of_backup" != "$timeline" ]; then
  name=$(printf '%08X.history' "$timeline")
  [ "$of_backup" -lt "$timeline" ] || judged "the backup is on timeline $of_backup, which is not in the history of the original (timeline $timeline)"
  history=$(archived "$name") && [ -n "$history" ] || judged "the backup is on timeline $of_backup, the original on $timeline, and the archive has no $name"
  printf '%s\n' "$history" | grep -q "^$of_backup[[:space:]]" || judged "the backup is on timeline $of_backup, which is not in the history of timeline $timeline"
  own=$DATA/pg_wal/$name
  [ ! -f "$own" ] || [ "$(cat "$own")" = "$history" ] || judged "the archive's $name is not the original's: another cluster wrote it"
fi

target=$(moment "$TARGET") || broken "$TARGET is no time"
[ "$target" '<' "$(date -u '+%Y-%m-%d %H:%M:%S.%6N')" ] || judged "the target $target lies in the future"
# Rows committed before the backup ended are in it for good: an earlier target gives wrong rows and no error.
# The archive knows when it ended; a backup taken from a standby leaves no such file, and then its begin counts,
# because PostgreSQL itself refuses a target between begin and end.
start=$(sed -n 's/^START TIME: //p' "$BASE/backup_label")
location=$(sed -n 's/^START WAL LOCATION: \([0-9A-F/]*\) .*/\1/p' "$BASE/backup_label")
file=$(sed -n 's/^START WAL LOCATION: .*file \([0-9A-F]*\)).*/\1/p' "$BASE/backup_label")
ended=$start
for note in "$ARCHIVE/$file".*.backup "$ARCHIVE/$file".*.backup.*; do
  [ -f "$note" ] || continue
  note=$(bare "$(basename "$note")")
  archived "$note" | grep -q "^START WAL LOCATION: $location " || continue
  ended=$(archived "$note" | sed -n 's/^STOP TIME: //p')
done
[ -n "$ended" ] || broken "the backup does not say when it was taken"
ended=$(moment "$ended + 1 second") || broken "the backup does not say when it was taken"
[ "$ended" '<' "$target" ] || [ "$ended" = "$target" ] ||
  judged "the target $target is before the backup was complete ($ended): take an older backup"
judged "the backup fits"
