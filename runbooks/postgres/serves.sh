# What the server in the place of the original says about itself.
. "$(dirname "$0")/common.sh"
psql_on "$DATA" -A -t -d "$DATABASE" -c "
  select case when pg_is_in_recovery() then 'in recovery' else 'open' end
         || case when current_setting('default_transaction_read_only')::bool then ', read only' else '' end"
