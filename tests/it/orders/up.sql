-- Migration 0003: guests may order without an account, orders can be refunded.
begin;
alter table orders add column guest_email text;
alter table orders alter column customer drop not null;
alter table orders add constraint orders_someone_ordered check (customer is not null or guest_email is not null);
alter table orders drop constraint orders_status_known;
alter table orders add constraint orders_status_known
  check (status in ('new', 'paid', 'shipped', 'cancelled', 'refunded'));
insert into schema_migrations (version) values ('0003');
commit;
