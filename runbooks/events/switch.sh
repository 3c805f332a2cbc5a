# switch.sh in|out: the rebuilt table takes the name of the read model, or gives it back.
set -eu
old=${MODEL}_replaced
case $1 in
  in) renames="alter table $MODEL rename to $old; alter table ${MODEL}_rebuilt rename to $MODEL;" ;;
  out) renames="alter table $MODEL rename to ${MODEL}_rebuilt; alter table $old rename to $MODEL;" ;;
esac
# Readers in the way make it give up at once instead of having everybody else wait behind it.
psql -X -q -v ON_ERROR_STOP=1 -d "$DB" -c "begin; set local lock_timeout = '2s'; $renames commit;"
