-- The down migration as it came with the release: the up migration read backwards.
alter table orders drop constraint orders_someone_ordered;
alter table orders drop column guest_email;
alter table orders alter column customer set not null;
alter table orders drop constraint orders_status_known;
alter table orders add constraint orders_status_known check (status in ('new', 'paid', 'shipped', 'cancelled'));
delete from schema_migrations where version = '0003';
