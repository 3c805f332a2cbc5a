alter role orders_writer connection limit -1;
