-- variable asked: the words of the mappings that a log is read for, and whether they take whatever there is
set variable asked = {'words': $words::varchar[], 'every': $every::boolean}
