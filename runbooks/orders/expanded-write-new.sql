begin;
set local lock_timeout = '2s';
drop trigger if exists orders_contact_both on orders;
commit;
