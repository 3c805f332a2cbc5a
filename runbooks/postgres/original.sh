# How the original stands: `stopped`, or what runs. A crash leaves it stopped as well, and is said.
. "$(dirname "$0")/common.sh"
[ -d "$DATA" ] || judged "$DATA is not there"
pid=$(postmaster "$DATA")
[ -z "$pid" ] || judged "running as process $pid"
judged stopped
