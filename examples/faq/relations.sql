-- One row per relation between things that the FAQ speaks of; written for the example.
select thing, relation, other_thing, _file, _row
from raw
