# Unpacks a backup that is kept in archives (pg_basebackup -Ft, plain or with gzip, lz4 or zstd) beside the new folder.
# The archive of the cluster holds links to the original's tablespaces: they are left out, and each tablespace goes into
# a folder of its own. Whether it is whole is judged afterwards, by backup.sh.
. "$(dirname "$0")/common.sh"
[ ! -e "$BASE" ] && [ ! -L "$BASE" ] || broken "$BASE is there already: an attempt before this one may be in it"
# part NAME: its archive, whatever way it was compressed.
part() {
  ! stored "$BACKUP/$1.tar" || return 0
  other=$(find "$BACKUP" -maxdepth 1 -name "$1.tar*" | head -n 1)
  [ -z "$other" ] || broken "$other is compressed in a way that is not read here: use gzip, lz4 or zstd, or unpack it"
  broken "the backup has no $1.tar, $1.tar.gz, $1.tar.lz4 or $1.tar.zst"
}
# unpack FILE FOLDER: fails when the archive is cut short or damaged; tar and the program that compressed it are both asked.
unpack() {
  program=$(opener "$1") || exit 1
  from=$1
  into=$2
  set -- --no-same-owner --exclude='pg_tblspc/*' --exclude='./pg_tblspc/*'
  if [ "$program" != cat ]; then
    "$program" -tq "$from" || broken "$from is cut short or damaged"
    set -- -I "$program" "$@"
  fi
  tar -x -f "$from" -C "$into" "$@" || broken "$from cannot be unpacked"
}
main=$(part base) || exit 1
[ -f "$BACKUP/backup_manifest" ] || broken "the backup has no backup_manifest: nothing can be said about it"
mkdir -m 700 "$BASE"
unpack "$main" "$BASE"
mkdir -p -m 700 "$BASE/pg_tblspc" "$BASE/pg_wal"
cp "$BACKUP/backup_manifest" "$BASE/backup_manifest"
mapped "$BASE/tablespace_map" | while read -r number place; do
  case $number in '' | *[!0-9]*) broken "tablespace_map of the backup cannot be read: $number $place" ;; esac
  file=$(part "$number") || exit 1
  mkdir -m 700 "$BASE/pg_tblspc/$number"
  unpack "$file" "$BASE/pg_tblspc/$number"
done
if file=$(stored "$BACKUP/pg_wal.tar"); then
  unpack "$file" "$BASE/pg_wal"
fi
[ "$(id -u)" != 0 ] || chown -R "$ACCOUNT:" "$BASE"
echo "unpacked into $BASE"
