"""What a stage read and wrote, column by column, as OpenLineage events for whoever collects them.

switch      whether anybody collects; the only module that is imported where nobody does
origins     how it is said what a column is made of, and where each room says it
mappings    the same of a shop's mapping SQL, which is read for it
places      what datasets are called
tables      the tables that a stage of a night reads and writes
quality     checks and counts as facets
events      events, and `sending`, which never keeps a night from going on
following   a stage that is followed from its start to its end
"""
