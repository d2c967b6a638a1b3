-- Deleted rows leave the table's pages; truncating would need a lock that stops readers.
vacuum (truncate false, index_cleanup on) {partition}
