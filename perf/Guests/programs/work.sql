create table item (id integer primary key, name text not null, weight real, kind integer);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
insert into item select i, printf('item-%06d', (i * 7919) % 100003), (i % 977) / 7.0, i % 13 from n;
commit;
create index by_name on item (name);
create index by_kind on item (kind, weight);
select count(*), sum(weight), avg(weight), max(name) from item;
select kind, count(*), round(sum(weight), 6), min(name) from item group by kind order by kind;
select id, name from item where name like 'item-0123%' order by name limit 10;
select count(*) from item a join item b on a.id = b.kind + 1;
update item set weight = weight * 1.5 where kind in (3, 5, 7);
delete from item where id % 10 = 0;
select count(*), total(weight) from item;
select name, rank() over (partition by kind order by weight desc, id) as place from item where kind = 4 and id < 2000 order by place limit 5;
select json_group_array(id) from (select id from item order by weight desc, id limit 5);
pragma integrity_check;
select hex(substr(group_concat(name), 1, 20)), length(group_concat(name)) from item;
