"""What a stage read and wrote, column by column, as OpenLineage events for whoever collects them.

switch, followed, following   whether anybody collects, and a stage that is followed from its start to its end: all
                              that is imported where nobody does
origins, declared             how it is said what a column is made of; what the stages between logs and tables say
mappings, raw                 the same of a shop's mapping SQL, which is read for it, and of its files
tables, places                the tables that a stage writes, and what datasets are called
quality, datasets, events     facets, datasets and events, in the client's classes
telling, sending              the events of one stage, and their way, which keeps no night from going on
"""
