-- Only where it is missing: a writer made by roles.sql may not create schemas, and needs not.
create schema {schema}
