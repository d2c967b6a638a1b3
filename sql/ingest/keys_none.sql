-- variable keys: forgotten
reset variable keys
