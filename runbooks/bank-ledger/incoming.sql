begin;
create temporary table incoming (key text not null, line int not null, booked_at timestamptz not null,
                                 account text not null, cents bigint not null) on commit drop;
copy incoming from stdin (format csv, header);
