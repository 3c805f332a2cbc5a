# Is the backup whole, of this cluster, of its history, and complete before the point in time?
. "$(dirname "$0")/common.sh"
[ -f "$BACKUP/backup_manifest" ] || judged "the backup has no backup_manifest: nothing can be said about it"
# A link in a backup leads out of it, usually into the original: the restored server would write there.
link=$(find "$BACKUP" -type l | head -n 1)
[ -z "$link" ] || judged "the backup holds a link that leads out of it: $link"
[ ! -s "$BACKUP/tablespace_map" ] || judged "the backup has tablespaces, which this runbook does not bring back"
[ -f "$BACKUP/backup_label" ] || judged "the backup has no backup_label: recovery would not know where to begin"
# WAL comes from the archive, and is looked at by reaches.sh; some backups hold none.
why=$("$BIN/pg_verifybackup" -n -q -e "$BACKUP" 2>&1) || judged "pg_verifybackup: $(printf %s "$why" | head -n 1)"

ours=$(control "$DATA" 'Database system identifier')
theirs=$(control "$BACKUP" 'Database system identifier')
[ -n "$ours" ] && [ -n "$theirs" ] || broken "a system identifier cannot be read"
[ "$ours" = "$theirs" ] || judged "the backup is of another cluster: system identifier $theirs, the original's is $ours"
[ "$(cat "$BACKUP/PG_VERSION")" = "$(cat "$DATA/PG_VERSION")" ] || judged "the backup is of another version"

# The history the original has lived decides, not the newest branch that somebody archived.
timeline=$(control "$DATA" "Latest checkpoint's TimeLineID")
of_backup=$(sed -n 's/^START TIMELINE: //p' "$BACKUP/backup_label")
[ -n "$of_backup" ] || of_backup=$(control "$BACKUP" "Latest checkpoint's TimeLineID")
if [ "$of_backup" != "$timeline" ]; then
  history=$(printf '%s/%08X.history' "$ARCHIVE" "$timeline")
  [ "$of_backup" -lt "$timeline" ] || judged "the backup is on timeline $of_backup, which is not in the history of the original (timeline $timeline)"
  [ -s "$history" ] || judged "the backup is on timeline $of_backup, the original on $timeline, and the archive has no $(basename "$history")"
  grep -q "^$of_backup[[:space:]]" "$history" || judged "the backup is on timeline $of_backup, which is not in the history of timeline $timeline"
  own=$DATA/pg_wal/$(basename "$history")
  [ ! -f "$own" ] || cmp -s "$own" "$history" || judged "the archive's $(basename "$history") is not the original's: another cluster wrote it"
fi

target=$(moment "$TARGET") || broken "$TARGET is no time"
[ "$target" '<' "$(date -u '+%Y-%m-%d %H:%M:%S.%6N')" ] || judged "the target $target lies in the future"
# Rows committed before the backup ended are in it for good: an earlier target gives wrong rows and no error.
# The archive knows when it ended; a backup taken from a standby leaves no such file, and then its begin counts,
# because PostgreSQL itself refuses a target between begin and end.
start=$(sed -n 's/^START TIME: //p' "$BACKUP/backup_label")
location=$(sed -n 's/^START WAL LOCATION: \([0-9A-F/]*\) .*/\1/p' "$BACKUP/backup_label")
file=$(sed -n 's/^START WAL LOCATION: .*file \([0-9A-F]*\)).*/\1/p' "$BACKUP/backup_label")
ended=$start
for note in "$ARCHIVE/$file".*.backup; do
  [ -f "$note" ] && grep -q "^START WAL LOCATION: $location " "$note" || continue
  ended=$(sed -n 's/^STOP TIME: //p' "$note")
done
ended=$(moment "$ended + 1 second") || broken "the backup does not say when it was taken"
[ "$ended" '<' "$target" ] || [ "$ended" = "$target" ] ||
  judged "the target $target is before the backup was complete ($ended): take an older backup"
judged "the backup fits"
