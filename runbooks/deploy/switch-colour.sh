# switch-colour.sh FOLDER TO FROM NGINX-CONF: points live.conf at TO and reloads, or leaves everything as it was.
set -eu
folder=$1 to=$2 from=$3 nginx=$4
[ -f "$folder/$to.conf" ] || { echo "$folder/$to.conf is not there" >&2; exit 1; }
# A rename: nginx may read the folder at any moment.
point() {
  ln -s "$1.conf" "$folder/live.conf.new"
  mv -T "$folder/live.conf.new" "$folder/live.conf"
}
point "$to"
if ! nginx -t -q -c "$nginx"; then
  point "$from"
  echo "nginx does not accept its configuration with $to: the link points at $from again, nothing was reloaded" >&2
  exit 1
fi
nginx -c "$nginx" -s reload
