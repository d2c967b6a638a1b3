-- staged_rejects: the raw row of a refused line is not kept where a value of it is the id of somebody who asked to be
-- forgotten (7.0 is 7's), nor where that cannot be told: a line that is no object, was cut, or nests further objects.
update staged_rejects
set raw = null
where coalesce(
    len(
        list_filter(
            map_values(json_transform(case when json_valid(raw) then raw end, '"MAP(VARCHAR, VARCHAR)"')),
            lambda value: value is not null and (
                regexp_matches(value, '[{\[]')
                or list_has_any(
                    $hashes::varchar[],
                    list_transform(
                        [value, whole(value), whole(value) || '.0'],
                        lambda one: sha256($forgotten_outer::blob || unhex(sha256($forgotten_inner::blob || encode(one))))
                    )
                )
            )
        )
    ),
    1
) > 0
