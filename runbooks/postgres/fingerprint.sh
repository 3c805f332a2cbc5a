# The fingerprint of the restored server, in the shape of the one that is known to be right: its rows, its columns.
. "$(dirname "$0")/common.sh"
# A heading alone would be met by any database.
[ "$(wc -l <"$EXPECTED")" -ge 2 ] || broken "$EXPECTED holds no fingerprint"
taken=$(mktemp)
trap 'rm -f "$taken"' EXIT
case $1 in
  restored) as_owner "$BIN/psql" -X -q --csv -v ON_ERROR_STOP=1 -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d "$DATABASE" <"$FINGERPRINT" >"$taken" ;;
  production) psql_on "$DATA" --csv -d "$DATABASE" <"$FINGERPRINT" >"$taken" ;;
esac
awk -F, -v OFS=, '
  { sub(/\r$/, "") }
  NR == FNR { if (FNR == 1) for (i = 1; i <= NF; i++) name[++n] = $i; want[$1] = 1; next }
  FNR == 1 { for (i = 1; i <= NF; i++) at[$i] = i
             for (j = 1; j <= n; j++) if (!(name[j] in at)) { print "the fingerprint has no column " name[j] > "/dev/stderr"; exit 1 } }
  FNR == 1 || ($1 in want) { line = ""; for (j = 1; j <= n; j++) line = line (j > 1 ? OFS : "") $(at[name[j]]); print line }
' "$EXPECTED" "$taken"
