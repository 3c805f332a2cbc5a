# Is the newest row of the restored database from just before the target? RDS itself never says where it stopped.
set -eu
newest=$(sh -euc "$NEWEST")
# Nothing at all is a time to `date`: today's midnight.
case $newest in
  [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*) ;;
  *) echo "the new instance names no newest row, but: $newest"; exit 0 ;;
esac
at=$(date -u -d "$newest" +%s%6N)
target=$(date -u -d "$TARGET" +%s%6N)
if [ "$at" -gt "$target" ]; then echo "it holds a row of $newest, which is after $TARGET"
elif [ $((target - at)) -gt $((SLACK * 1000000)) ]; then echo "its newest row is of $newest, more than $SLACK s before $TARGET"
else echo "restored to the point in time"; fi
