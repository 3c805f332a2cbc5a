# Puts the restored cluster where the original was, once that has been set aside. A rename; nothing is overwritten.
. "$(dirname "$0")/common.sh"
case $1 in
  in)
    [ -z "$(postmaster "$WORK/data")" ] || broken "the restored server still runs"
    [ "$(control "$WORK/data" 'Database cluster state')" = 'shut down' ] || broken "the restored server was not shut down in order"
    [ ! -e "$DATA" ] || broken "$DATA is still there"
    # Its own settings come back, without those that would make it a standby or start another recovery.
    if [ -e "$WORK/settings-of-the-backup.conf" ]; then
      grep -vE '^[[:space:]]*(recovery_|restore_command|archive_cleanup_command|promote_trigger_file|primary_)' \
        "$WORK/settings-of-the-backup.conf" >"$WORK/data/postgresql.auto.conf" || true
    fi
    mv -T "$WORK/data" "$DATA" ;;
  out)
    if [ ! -e "$DATA" ] && [ -d "$WORK/data" ]; then judged "it was not put in place"; fi
    [ -z "$(postmaster "$DATA")" ] || broken "a server runs on $DATA: stop it first"
    [ ! -e "$WORK/data" ] || broken "$WORK/data is there already"
    mv -T "$DATA" "$WORK/data" ;;
  original)
    # The undo of setting it aside. Its name is told by its owner: this incident's own.
    [ ! -e "$DATA" ] || broken "$DATA is there: take the restored cluster out first"
    found=$(find "$(dirname "$DATA")" -maxdepth 1 -name "$(basename "$DATA").set-aside.$INCIDENT.*")
    [ -d "$found" ] || broken "there is not exactly one folder that this incident has set aside: $found"
    mv -T "$found" "$DATA" ;;
esac
