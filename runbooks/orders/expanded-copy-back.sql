-- The new column counts: since the migration it is the one that was written. Where it is empty, the old one does:
-- that row was never copied forward.
do $$
declare
  copied int;
begin
  loop
    with piece as (
      select id from orders where guest_email is distinct from contact order by id limit 1000 for update skip locked
    )
    update orders o set guest_email = coalesce(o.contact, o.guest_email), contact = coalesce(o.contact, o.guest_email) from piece where o.id = piece.id;
    get diagnostics copied = row_count;
    commit;
    exit when copied = 0;
  end loop;
end $$;
