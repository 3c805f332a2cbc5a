# Copies the backup into the new folder and makes it a server that is cut off from everything.
. "$(dirname "$0")/common.sh"
as_owner mkdir -m 700 "$WORK" "$WORK/run"
cp -a "$BACKUP" "$WORK/data"
[ "$(id -u)" != 0 ] || chown -R "$ACCOUNT:" "$WORK/data"
chmod 700 "$WORK/data"
# What was copied counts, not what was read the first time.
"$BIN/pg_verifybackup" -n -q -e "$WORK/data"

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
restore_command = 'cp "$ARCHIVE/%f" "%p"'
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
