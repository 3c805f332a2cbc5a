# ask.sh PORT dir|keys|listens|content [KEY LEAST]: one line about the Redis on a port of this machine.
set -eu
port=$1
ask() { redis-cli -h 127.0.0.1 -p "$port" --raw "$@" 2>&1; }
case $2 in
  dir) ask config get dir | sed -n 2p ;;
  keys) ask dbsize | grep -x '[0-9]*' ;;
  listens)
    if grep -q "$(printf ':%04X .* 0A ' "$port")" /proc/net/tcp /proc/net/tcp6 2>/dev/null; then echo somebody; else echo nobody; fi ;;
  content)
    count=$(ask dbsize)
    case $count in
      *LOADING* | *refused*) echo "not yet: $count"; exit 0 ;;
      '' | *[!0-9]*) echo "$count"; exit 0 ;;
    esac
    [ "$count" -ge "$4" ] || { echo "only $count keys instead of $4"; exit 0; }
    echo "enough keys, $(ask get "$3")" ;;
esac
