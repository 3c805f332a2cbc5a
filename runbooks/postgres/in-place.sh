# Which cluster is in the place of the original: `restored`, `original` or nothing; and is the original kept?
. "$(dirname "$0")/common.sh"
aside=$(find "$(dirname "$DATA")" -maxdepth 1 -name "$(basename "$DATA").set-aside.$INCIDENT.*" | head -n 1)
if [ -z "$aside" ]; then
  [ -f "$DATA/PG_VERSION" ] && judged 'the original is in its place'
  judged "neither in its place nor set aside: look for it now"
fi
[ -f "$aside/PG_VERSION" ] || judged "$aside is no cluster"
[ -e "$DATA" ] || judged 'the original is set aside and its place is empty'
[ "$(control "$DATA" 'Database system identifier')" = "$(control "$aside" 'Database system identifier')" ] ||
  judged "$DATA is another cluster"
[ "$(control "$DATA" "Latest checkpoint's TimeLineID")" -gt "$(control "$aside" "Latest checkpoint's TimeLineID")" ] ||
  judged "$DATA is on the old timeline: it is not what was promoted"
judged 'the original is set aside, the restored cluster is in its place'
