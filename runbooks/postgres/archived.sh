# Does anything of the original still wait to be archived? Its archiver leaves a note for each such file.
. "$(dirname "$0")/common.sh"
[ -d "$DATA/pg_wal/archive_status" ] || broken "$DATA/pg_wal/archive_status is not there"
[ -n "$(postmaster "$DATA")" ] || judged "nothing archives any more"
waiting=$(find "$DATA/pg_wal/archive_status" -name '*.ready' | wc -l)
judged "$waiting waiting"
