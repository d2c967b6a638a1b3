-- one row per item: the Items dataset of Amazon Personalize, one file with all that there are.
-- Columns that your schema does not have are null; take them out here, and no warning names them. A title and a text
-- make an item recommendable before anybody has acted on it: if your schema calls them otherwise, name them here.
select
    ITEM_ID as item_id,
    TITLE as title,
    PRODUCT_DESCRIPTION as text,
    coalesce(nullif(concat_ws(' > ', CATEGORY_L1, CATEGORY_L2, CATEGORY_L3), ''), GENRES) as category,
    PRICE as price,
    _file
from raw
