# apply.sh take-back|undo: writes the rows that were decided on, or the ones that were there before; all or none.
. "$(dirname "$0")/../postgres/common.sh"
as_owner "$BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -v table="$TABLE" -v key="$KEY" -d "$PRIMARY" <"$here/$1.sql"
