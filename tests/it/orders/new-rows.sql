-- What release 1.5 wrote: one order that the older schema could hold, three that it could not.
insert into orders (customer, guest_email, status, amount_cents) values
  ('lea', null, 'paid', 700),
  (null, 'guest@example.com', 'new', 4200),
  (null, 'other@example.com', 'refunded', 150);
update orders set status = 'refunded' where customer = 'jon';
insert into order_items values (4, 1, 'cup', 1), (5, 1, 'desk', 2), (6, 1, 'cup', 1);
