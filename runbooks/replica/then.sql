begin;
create schema if not exists repair;
drop table if exists repair.plan, repair.then, repair.now;
create table repair.then (like :table);
copy repair.then from stdin;
