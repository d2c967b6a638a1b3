"""What a question's thread so far is worth for what it means: turns of chats seek turns of the same intent.

    python -m benchmarks.threads OUT [--chats FOLDER] [--sites FOLDER] [--early]

    chats   customer_sentences.parquet of MultiDoGO: domain, conversation_id, turn, sentence, utterance, intent
    sites   posts.parquet, comments.parquet of Stack Exchange

Chats: of every trade 500, by a hash. The later turns of one half of them seek the ten nearest turns of the other half:
what share has the same intent. `own` has the turns whose own intent is known, `task` those of them that ask for
something, `content` those that only give a name or a number, whose intent is the last thing that their chat asked for,
which is in its context by design. Everything was chosen on three trades (--early); the other three are judged.

Sites: what askers comment on their own question before the accepted answer comes seeks that answer, by meaning alone,
among all of the site; the question is its thread. The half of the questions that a hash says is judged, --early: the
other. Intervals of 95 %, by chat or question. OUT gets threads.json, and the vectors.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy import sparse

from benchmarks.answers import RESAMPLES, Encode, encoder
from pipeline.answers import exact, lexical, turns

EARLY = ("airline", "insurance", "media")
THREAD_WORDS = (0.0, 0.5, 1.0, 2.0, 4.0)
NEAREST = 10
SAYS_NOTHING = ("openinggreeting", "thankyou", "closinggreeting", "confirmation", "rejection", "outofdomain")
CONTENT = "contentonly"
CHATS = """
with turns as (
    select domain, conversation_id, turn, trim(string_agg(utterance, ' ' order by sentence)) as text,
        list(intent order by sentence) as intents
    from read_parquet($file)
    group by all
),
chats as (
    select domain, conversation_id,
        row_number() over (partition by domain order by sha256(conversation_id), conversation_id) as number
    from (select distinct domain, conversation_id from turns)
)
select domain, number, text, intents from turns join chats using (domain, conversation_id)
where number <= 500 order by domain, number, turn
"""
COMMENTS = """
with posts as (from read_parquet($posts)),
asked as (
    select question.*, answer.created_at as answered_at
    from posts as question
    join posts as answer on answer.site = question.site and answer.post_id = question.accepted_answer_id
    where question.kind = 'question'
)
select site, asked.post_id, title || ' ' || asked.text as question, accepted_answer_id, comments.text
from read_parquet($comments) as comments
join asked using (site, post_id)
where comments.user_id = asked.user_id and comments.created_at < answered_at
    and (hash(md5(site || asked.post_id)) % 2 = 0) = $early
order by site, asked.post_id, comment_id
"""


def of_trade(rows: list[tuple[Any, ...]], vectors: np.ndarray, place: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Rows number, text, intents of a trade's turns, in order; vectors of the texts, by place."""
    chat = np.array([row[0] for row in rows])
    own = np.array([place[row[1]] for row in rows])
    intent, asked_for = _intents(rows)
    later = np.arange(len(rows)) > np.searchsorted(chat, chat)
    earlier = _earlier(chat, own, len(vectors))
    texts = np.array([row[1] for row in rows], dtype=object)
    seeks = {
        "own": (intent != CONTENT, intent),
        "task": (~np.isin(intent, [CONTENT, *SAYS_NOTHING]), intent),
        "content": ((intent == CONTENT) & (asked_for != ""), asked_for),
    }
    with_thread = [" ".join(texts[begin : place + 1]) for place, begin in enumerate(_begins(chat))]
    for name, (some, label) in seeks.items():
        known, query = some & (chat % 2 == 0), some & (chat % 2 == 1) & later
        if not query.any():
            continue
        found = {}
        for words in THREAD_WORDS:
            mixed = turns.mixed(vectors, own, earlier, texts, words) if words else vectors[own]
            found[f"meaning, thread_words {words}"] = _shares(
                exact.cosines(mixed[query], mixed[known]), label[known], label[query]
            )
        for how, of in (("words", texts), ("words, with the thread's", np.array(with_thread, dtype=object))):
            lexicon = lexical.learn(list(of[known]))
            asked, there = lexicon.queries(list(of[query])), lexicon.documents(list(of[known]))
            found[how] = _shares(lexical.shares(asked, there), label[known], label[query])
        for how, share in found.items():
            alone = found["words" if how.startswith("words") else f"meaning, thread_words {THREAD_WORDS[0]}"]
            figure = {"by": how, "turns": int(query.sum()), f"share@{NEAREST}": round(float(share.mean()), 3)}
            yield {"seek": name} | figure | above(share - alone, chat[query])


def _shares(scores: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """[Q] of the NEAREST by scores [Q, N], the share whose label [N] is the wanted one [Q]."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
    return np.asarray((known[best] == wanted[:, None]).mean(axis=1))


def _intents(rows: list[tuple[Any, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Of each turn its own intent, and the last thing that its chat asked for up to it; "": nothing yet."""
    intent, asked_for, last, of = [], [], "", None
    for number, _, intents in rows:
        last = last if number == of else ""
        asked = [one for one in intents if one not in {CONTENT, *SAYS_NOTHING}]
        last, of = (asked[0] if asked else last), number
        intent.append(asked[0] if asked else intents[0])
        asked_for.append(last)
    return np.array(intent), np.array(asked_for)


def _begins(chat: np.ndarray) -> np.ndarray:
    """[N] the first turn of each one's context."""
    return np.maximum(np.searchsorted(chat, chat), np.arange(len(chat)) - turns.TURNS)


def _earlier(chat: np.ndarray, own: np.ndarray, number: int) -> sparse.csr_matrix:
    """[N, T] the texts before each turn in its chat, at most turns.TURNS."""
    lists = [own[begin:place] for place, begin in enumerate(_begins(chat))]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in lists])])
    texts = np.concatenate(lists)
    return sparse.csr_matrix((np.ones(len(texts)), texts, starts), shape=(len(chat), number))


def above(difference: np.ndarray, of: np.ndarray) -> dict[str, list[float]]:
    """The mean of differences and its 95 % interval, resampled by what they are of."""
    _, group = np.unique(of, return_inverse=True)
    sums, counts = np.bincount(group, difference), np.bincount(group).astype(float)
    drawn = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), RESAMPLES)
    low, high = np.quantile((drawn @ sums) / (drawn @ counts), [0.025, 0.975])
    return {"above alone": [round(float(one), 3) for one in (difference.mean(), low, high)]}


def of_chats(folder: Path, encode: Encode, early: bool) -> Iterator[dict[str, Any]]:
    """Every trade of a side."""
    with duckdb.connect() as connection:
        given = {"file": str(folder / "customer_sentences.parquet")}
        rows = connection.execute(CHATS, given).fetchall()
    rows = [row for row in rows if (row[0] in EARLY) == early]
    texts = sorted({row[2] for row in rows})
    vectors, place = encode(texts), {text: n for n, text in enumerate(texts)}
    for trade in sorted({row[0] for row in rows}):
        for found in of_trade([row[1:] for row in rows if row[0] == trade], vectors, place):
            yield {"chats": trade} | found


def of_sites(folder: Path, encode: Encode, early: bool) -> Iterator[dict[str, Any]]:
    """Askers' comments."""
    with duckdb.connect() as connection:
        given = {"posts": str(folder / "posts.parquet"), "comments": str(folder / "comments.parquet"), "early": early}
        rows = connection.execute(COMMENTS, given).fetchall()
        chosen = "select site, post_id, text from read_parquet($posts) where kind = 'answer' order by all"
        answers = connection.execute(chosen, {"posts": given["posts"]}).fetchall()
    site, right = np.array([row[0] for row in rows]), np.array([row[3] for row in rows])
    there, ids = np.array([row[0] for row in answers]), np.array([row[1] for row in answers])
    texts = [row[4] for row in rows]
    vectors, of_answers = encode([*texts, *(row[2] for row in rows)]), encode([row[2] for row in answers])
    number = np.arange(len(rows))
    before = sparse.csr_matrix((np.ones(len(rows)), (number, len(rows) + number)), shape=(len(rows), 2 * len(rows)))
    alone = None
    for words in THREAD_WORDS:
        mixed = turns.mixed(vectors, number, before, np.array(texts, dtype=object), words) if words else vectors[number]
        cosines = np.where(site[:, None] == there, exact.cosines(mixed, of_answers), -1)
        own = np.where((site[:, None] == there) & (right[:, None] == ids), cosines, -1).max(axis=1)
        reciprocal = 1 / (cosines >= own[:, None]).sum(axis=1)
        alone = reciprocal if alone is None else alone
        figure = {"thread_words": words, "comments": len(rows), "mrr": round(float(reciprocal.mean()), 3)}
        yield (
            {"sites": "askers' comments"} | figure | above(reciprocal - alone, np.array([str(row[:2]) for row in rows]))
        )


def main() -> None:
    """Measure what folders were given for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--chats", type=Path)
    parser.add_argument("--sites", type=Path)
    parser.add_argument("--early", action="store_true")
    args = parser.parse_args()
    encode, found = encoder(args.out), list[dict[str, Any]]()
    for folder, measure in ((args.chats, of_chats), (args.sites, of_sites)):
        found += measure(folder, encode, args.early) if folder else []
    (args.out / "threads.json").write_text(json.dumps(found, indent=1) + "\n")
    for row in found:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
