# point.sh ENDPOINT: lets the record NAME lead to an endpoint, and waits until every name server of Route 53 says so.
set -eu
case $1 in '' | None) echo "there is no endpoint to point to" >&2; exit 1 ;; esac
change=$("$AWS" route53 change-resource-record-sets --hosted-zone-id "$ZONE" --change-batch \
  "{\"Changes\":[{\"Action\":\"UPSERT\",\"ResourceRecordSet\":{\"Name\":\"$NAME\",\"Type\":\"CNAME\",\"TTL\":30,\"ResourceRecords\":[{\"Value\":\"$1\"}]}}]}" \
  --query ChangeInfo.Id --output text)
tries=0
# Throttling and doubt are no answer: only INSYNC is.
until [ "$("$AWS" route53 get-change --id "$change" --query ChangeInfo.Status --output text 2>/dev/null)" = INSYNC ]; do
  tries=$((tries + 1))
  [ "$tries" -lt "${TRIES:-150}" ] || { echo "change $change is not in sync" >&2; exit 1; }
  sleep "${PAUSE:-2}"
done
echo "$NAME leads to $1"
