# Asks RDS for a new instance as of TARGET, with the network and the parameters of the original. An answer of 0 only says
# that the wish was understood. Asked again for the same incident, it finds that it has asked before.
set -eu
[ "$("$AWS" rds describe-db-instances --db-instance-identifier "$SOURCE" --query 'DBInstances[0].DBInstanceIdentifier' --output text)" = "$SOURCE" ] ||
  { echo "there is no $SOURCE" >&2; exit 1; }
describe() { "$AWS" rds describe-db-instances --db-instance-identifier "$SOURCE" --query "$1" --output text; }
# Left out, these are the defaults of the account: another firewall, other limits, no private network.
groups=$(describe 'DBInstances[0].VpcSecurityGroups[].VpcSecurityGroupId')
parameters=$(describe 'DBInstances[0].DBParameterGroups[0].DBParameterGroupName')
subnet=$(describe 'DBInstances[0].DBSubnetGroup.DBSubnetGroupName')
class=$(describe 'DBInstances[0].DBInstanceClass')
# shellcheck disable=SC2086
said=$("$AWS" rds restore-db-instance-to-point-in-time --source-db-instance-identifier "$SOURCE" \
  --target-db-instance-identifier "$NEW" --restore-time "$TARGET" --db-instance-class "$class" \
  --vpc-security-group-ids $groups --db-parameter-group-name "$parameters" --db-subnet-group-name "$subnet" \
  --no-publicly-accessible --deletion-protection --tags "Key=incident,Value=$INCIDENT" "Key=restore-time,Value=$TARGET" 2>&1) && {
  echo "asked for $NEW"
  exit 0
}
case $said in
  *DBInstanceAlreadyExists*) exec sh "$(dirname "$0")/ours.sh" strict ;;
  *) printf '%s\n' "$said" >&2; exit 1 ;;
esac
