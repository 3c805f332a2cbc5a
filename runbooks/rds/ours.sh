# Is the new instance the one this incident asked for, as of this time? Its tags say so.
set -eu
# What was just made is not known everywhere at once.
tries=0
until arn=$("$AWS" rds describe-db-instances --db-instance-identifier "$NEW" --query 'DBInstances[0].DBInstanceArn' --output text); do
  tries=$((tries + 1))
  [ "$tries" -lt "${TRIES:-10}" ] || exit 1
  sleep "${PAUSE:-2}"
done
tags=$("$AWS" rds list-tags-for-resource --resource-name "$arn" --query 'TagList[].[Key,Value]' --output text)
value() { printf '%s\n' "$tags" | awk -v key="$1" '$1 == key { print $2 }'; }
if [ "$(value incident)" = "$INCIDENT" ] && [ "$(value restore-time)" = "$TARGET" ]; then
  echo "asked for by this incident, as of $TARGET"
else
  echo "$NEW is another's: incident $(value incident), restore time $(value restore-time)"
  [ "${1:-}" != strict ] || exit 1
fi
