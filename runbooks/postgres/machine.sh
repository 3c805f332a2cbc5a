# Is this the machine, and is what it holds the cluster that is to be brought back?
. "$(dirname "$0")/common.sh"
[ -f "$DATA/PG_VERSION" ] || judged "there is no cluster in $DATA"
[ ! -L "$DATA" ] || judged "$DATA is a link: name the folder itself, or setting it aside moves the link only"
# Without it nothing proves whose backup it is.
[ -n "$(control "$DATA" 'Database system identifier')" ] || judged "$DATA does not say which cluster it is: its pg_control cannot be read"
version=$("$BIN/postgres" --version | sed -n 's/.* \([0-9][0-9]*\).*/\1/p')
[ "$version" = "$(cat "$DATA/PG_VERSION")" ] || judged "$BIN is PostgreSQL $version and $DATA is $(cat "$DATA/PG_VERSION")"
judged "$MACHINE"
