-- staged_rejects: the raw row of a refused line is not kept where a value of it is the id of somebody who asked to be
-- forgotten, nor where that cannot be told: a line that is no object, was cut, or nests further objects.
update staged_rejects
set raw = null
where coalesce(
    len(
        list_filter(
            map_values(json_transform(case when json_valid(raw) then raw end, '"MAP(VARCHAR, VARCHAR)"')),
            lambda value: value is not null and (
                regexp_matches(value, '[{\[]')
                or list_contains(
                    $hashes::varchar[],
                    sha256($forgotten_outer::blob || unhex(sha256($forgotten_inner::blob || encode(value))))
                )
            )
        )
    ),
    1
) > 0
