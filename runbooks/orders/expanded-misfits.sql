-- Values of the new column that the old one could not hold.
select case when count(*) = 0 then 'all fit' else count(*) || ' do not fit, the first is order ' || min(id) end
from orders
where length(contact) > coalesce((select character_maximum_length from information_schema.columns
                                  where table_name = 'orders' and column_name = 'guest_email'), 1000000)
   or contact !~ '@';
