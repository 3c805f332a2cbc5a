# Is the point in time one that RDS can restore to?
set -eu
window=$("$AWS" rds describe-db-instance-automated-backups --db-instance-identifier "$SOURCE" \
  --query 'DBInstanceAutomatedBackups[0].RestoreWindow.[EarliestTime,LatestTime]' --output text)
seconds() { date -u -d "$1" +%s; }
set -- $window
[ $# = 2 ] && [ "$1" != None ] || { echo "RDS names no restore window for $SOURCE"; exit 0; }
wanted=$(seconds "$TARGET")
if [ "$wanted" -lt "$(seconds "$1")" ]; then echo "too early: the window begins at $1"
elif [ "$wanted" -gt "$(seconds "$2")" ]; then echo "too late: the window ends at $2"
else echo "within the window"; fi
