# What the restored server itself says about what it reaches and what reaches it: `alone`, or which settings are not so.
# Asked of the server, because a setting can come from a file, from ALTER SYSTEM or from a command line.
. "$(dirname "$0")/common.sh"
as_owner "$BIN/psql" -X -A -t -v ON_ERROR_STOP=1 -h "$WORK/run" -p "$PORT" -U "$DBUSER" -d postgres -c "
  select coalesce(string_agg(what, ', '), 'alone') from (
  select name || ' is ' || setting as what
  from pg_settings
  where setting <> case name
    when 'archive_mode' then 'off'
    when 'data_directory' then '$WORK/data'
    when 'unix_socket_directories' then '$WORK/run'
    when 'hba_file' then '$WORK/hba.conf'
    when 'default_transaction_read_only' then 'on'
    when 'max_logical_replication_workers' then '0'
    when 'listen_addresses' then ''
    when 'primary_conninfo' then ''
    when 'shared_preload_libraries' then ''
    else setting end
  union all
  select 'tablespace ' || spcname || ' is in ' || pg_tablespace_location(oid)
  from pg_tablespace
  where pg_tablespace_location(oid) <> '' and pg_tablespace_location(oid) <> '$SPACES/' || oid) found"
