begin;
set local lock_timeout = '2s';
create or replace function orders_contact_both() returns trigger language plpgsql as $$
begin
  -- Whichever of the two a release has written is the one that counts.
  if tg_op = 'INSERT' then
    new.contact := coalesce(new.contact, new.guest_email);
    new.guest_email := coalesce(new.guest_email, new.contact);
  elsif new.contact is distinct from old.contact then
    new.guest_email := new.contact;
  elsif new.guest_email is distinct from old.guest_email then
    new.contact := new.guest_email;
  end if;
  return new;
end $$;
create or replace trigger orders_contact_both before insert or update on orders
  for each row execute function orders_contact_both();
commit;
