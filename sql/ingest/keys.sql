-- variable keys: a padded key by purpose and pad, for the macro pseudonym
set variable keys = map($names::varchar[], $pads::blob[])
