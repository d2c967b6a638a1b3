-- One row per item, in the order of item_index: what a surface's predicate may look at, the day it is asked for included.
create table items as select *, $valid_on::date as valid_on from arrow_items
