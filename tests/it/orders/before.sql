-- The shop's tables at migration 0002, with three orders.
create role orders_writer login;
create table schema_migrations (version text primary key, applied_at timestamptz not null default now());
create table orders (
  id bigint generated always as identity primary key,
  customer text not null,
  status text not null,
  amount_cents bigint not null check (amount_cents > 0),
  placed_at timestamptz not null default now(),
  constraint orders_status_known check (status in ('new', 'paid', 'shipped', 'cancelled'))
);
create table order_items (
  order_id bigint not null references orders (id),
  line int not null,
  sku text not null,
  quantity int not null check (quantity > 0),
  primary key (order_id, line)
);
grant select, insert, update, delete on orders, order_items to orders_writer;
insert into schema_migrations (version) values ('0001'), ('0002');
insert into orders (customer, status, amount_cents) values
  ('ida', 'new', 1200), ('jon', 'paid', 560), ('kim', 'shipped', 99900);
insert into order_items values (1, 1, 'lamp', 1), (2, 1, 'cup', 4), (2, 2, 'tray', 1), (3, 1, 'desk', 1);
