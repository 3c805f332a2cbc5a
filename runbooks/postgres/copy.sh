# Copies the backup into the new folder and makes it a server that is cut off from everything.
. "$(dirname "$0")/common.sh"
as_owner mkdir -m 700 "$WORK" "$WORK/run"
if [ "${FORMAT:-plain}" = tar ]; then mv -T "$BASE" "$WORK/data"; else cp -a "$BASE" "$WORK/data"; fi
[ "$(id -u)" != 0 ] || chown -R "$ACCOUNT:" "$WORK/data"
chmod 700 "$WORK/data"
# Every tablespace gets a new folder, and the link to it: neither the backup's copy nor the original's is written to.
for space in "$WORK"/data/pg_tblspc/*; do
  [ -e "$space" ] || [ -L "$space" ] || continue
  number=$(basename "$space")
  [ -d "$SPACES" ] || as_owner mkdir -m 700 "$SPACES"
  [ ! -e "$SPACES/$number" ] || broken "$SPACES/$number is there already"
  if [ -L "$space" ]; then
    cp -a "$(readlink -f "$space")" "$SPACES/$number"
    rm "$space"
  else
    mv "$space" "$SPACES/$number"
  fi
  [ "$(id -u)" != 0 ] || chown -R "$ACCOUNT:" "$SPACES/$number"
  as_owner ln -s "$SPACES/$number" "$space"
done
# What was copied counts, not what was read the first time.
"$BIN/pg_verifybackup" -n -q -e "$WORK/data"
# At its start the server would make the links anew, to where the original has its tablespaces.
rm -f "$WORK/data/tablespace_map"
find "$WORK/data" -type l | while read -r link; do
  case $(readlink "$link") in "$SPACES"/*) ;; *) broken "$link leads to $(readlink "$link")" ;; esac
done

# Settings made with ALTER SYSTEM beat every file: the archive of the original, its standbys, another target.
[ ! -e "$WORK/data/postgresql.auto.conf" ] || mv "$WORK/data/postgresql.auto.conf" "$WORK/settings-of-the-backup.conf"
rm -f "$WORK/data/standby.signal" "$WORK/data/postmaster.pid" "$WORK/data/postmaster.opts"
# Without this file it would open for writing at the moment of the backup, and say that all is well.
as_owner touch "$WORK/data/recovery.signal" "$WORK/data/postgresql.auto.conf" "$WORK/ident.conf"

# The higher of then and now: between them somebody may have raised it.
setting() {
  for folder in "$WORK/data" "$DATA"; do control "$folder" "$1 setting"; done | sort -n | tail -n 1
}
cat >"$WORK/restore.conf" <<CONF
# Nobody but the owner of this folder reaches it, and it reaches nobody.
listen_addresses = ''
port = $PORT
unix_socket_directories = '$WORK/run'
hba_file = '$WORK/hba.conf'
ident_file = '$WORK/ident.conf'
cluster_name = 'restored'
archive_mode = off
archive_command = ''
primary_conninfo = ''
# No jobs, no subscriptions: what runs by itself would act on the outside a second time.
shared_preload_libraries = ''
max_logical_replication_workers = 0
autovacuum = off
default_transaction_read_only = on
restore_command = 'if [ -f "$ARCHIVE/%f" ]; then cp "$ARCHIVE/%f" "%p"; elif [ -f "$ARCHIVE/%f.gz" ]; then gzip -dcq <"$ARCHIVE/%f.gz" >"%p"; elif [ -f "$ARCHIVE/%f.lz4" ]; then lz4 -dcq <"$ARCHIVE/%f.lz4" >"%p"; else [ -f "$ARCHIVE/%f.zst" ] && zstd -dcq <"$ARCHIVE/%f.zst" >"%p"; fi'
recovery_target_time = '$(moment "$TARGET")+00'
recovery_target_inclusive = on
recovery_target_timeline = '$(control "$DATA" "Latest checkpoint's TimeLineID")'
recovery_target_action = pause
hot_standby = on
# Lower than on the original, recovery would pause somewhere on the way and look as if it were there.
max_connections = $(setting max_connections)
max_worker_processes = $(setting max_worker_processes)
max_wal_senders = $(setting max_wal_senders)
max_prepared_transactions = $(setting max_prepared_xacts)
max_locks_per_transaction = $(setting max_locks_per_xact)
# Its log is read: see state.sh.
logging_collector = off
log_destination = stderr
log_min_messages = warning
log_line_prefix = ''
log_timezone = UTC
timezone = UTC
lc_messages = C
CONF
echo 'local all all trust' >"$WORK/hba.conf"
[ "$(id -u)" != 0 ] || chown "$ACCOUNT:" "$WORK"/*.conf
du -s "$WORK/data"
