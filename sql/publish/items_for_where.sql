-- One row per item, in the order of item_index: what a surface's predicate may look at.
create table items as select * from arrow_items
