# A fingerprint of the original's files: names, sizes, times. Whoever writes one byte through a server changes it.
. "$(dirname "$0")/common.sh"
folder=$DATA
if [ "${1:-}" = aside ]; then
  folder=$(find "$(dirname "$DATA")" -maxdepth 1 -name "$(basename "$DATA").set-aside.$INCIDENT.*")
fi
[ -f "$folder/PG_VERSION" ] || broken "there is no cluster in $folder"
(cd "$folder" && find . -type f -printf '%P %s %T@\n') | sort | sha256sum | cut -d ' ' -f 1
