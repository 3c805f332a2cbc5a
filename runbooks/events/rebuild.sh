# Builds the new table from the events up to a position; begins anew each time, and touches nothing else.
set -eu
{
  echo 'begin;'
  printf 'drop table if exists %s_rebuilt;\ncreate table %s_rebuilt (like %s including all);\n' "$MODEL" "$MODEL" "$MODEL"
  cat "$PROJECT"
  echo 'commit;'
} | psql -X -q -v ON_ERROR_STOP=1 -v rebuilt="${MODEL}_rebuilt" -v position="$POSITION" -d "$DB"
