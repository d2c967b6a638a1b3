update {schema}.loads set beside = %(beside)s where load = %(load)s
