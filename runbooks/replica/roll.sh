# roll.sh to|back: replay up to the last good moment and stop there; or follow the primary again, with the old delay.
. "$(dirname "$0")/../postgres/common.sh"
set_() { psql_on "$DATA" -d postgres -c "alter system set $1 = '$2'"; }
reset() { psql_on "$DATA" -d postgres -c "alter system reset $1"; }
case $1 in
  to)
    set_ recovery_target_time "$(moment "$TARGET")+00"
    set_ recovery_target_action pause
    # Without this it would wait out its delay first, and replay the harm when somebody is not looking.
    set_ recovery_min_apply_delay 0 ;;
  back)
    reset recovery_target_time
    reset recovery_target_action
    set_ recovery_min_apply_delay "$DELAY" ;;
esac
sh "$here/../postgres/service.sh" stop
sh "$here/../postgres/service.sh" start
