"""Ids, titles and queries that mean harm to a page, a script or a file's name."""

SCRIPT = "<script>alert(1)</script>"
TITLES = [
    f"White mug {SCRIPT}",
    '"><img src=x onerror=alert(2)> red pot',
    "</title></script><svg onload=alert(3)> garden gnome",
    "Turned \u202e round \u2028 line",
    "Café naïve ÉCLAIR",
    "日本語の本Nike鞋",
    "",
    "javascript:alert(4)",
]
ITEMS = ["__proto__", "constructor", "a/../../b", 'it\'s "this"', "\u2028\u2029", "#item=x&<b>", "i6", "😀 %41"]
USERS = ["__proto__", "O'Hara <b>", "../data/users/0?x#y"]
QUERIES = [("toString <i>", {0: 5, 1: 3}), ("red pot", {1: 9})]
