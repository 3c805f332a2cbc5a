# A fingerprint of the original's files: names, sizes, times. Whoever writes one byte through a server changes it.
. "$(dirname "$0")/common.sh"
folder=$DATA
if [ "${1:-}" = aside ]; then
  folder=$(find "$(dirname "$DATA")" -maxdepth 1 -name "$(basename "$DATA").set-aside.$INCIDENT.*")
fi
[ -f "$folder/PG_VERSION" ] || broken "there is no cluster in $folder"
files() {
  find . -type f -printf '%P %s %T@\n'
  # What lies outside of the folder belongs to it all the same.
  for space in pg_tblspc/*; do
    [ ! -d "$space/" ] || find "$space/" -type f -printf '%p %s %T@\n'
  done
}
(cd "$folder" && files) | sort | sha256sum | cut -d ' ' -f 1
