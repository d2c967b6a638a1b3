"""Which stretches of which files are looked at."""

from pathlib import Path

from pipeline.operations.checking import samples
from pipeline.operations.checking.cuts import Size, Stretch
from pipeline.operations.checking.samples import ENDLESS


def chosen(folder: Path, lines: dict[str, int], rows: int, endless: str = "") -> dict[str, list[tuple[int, int]]]:
    """First and last line of what is looked at, by the files' names."""
    for name, number in lines.items():
        (folder / name).write_bytes(b"x\n" * number)
    asked: list[Path] = []

    def size(path: Path) -> Size:
        asked.append(path)
        return ENDLESS if path.name == endless else Size(lines[path.name])

    found = samples.choose([folder / name for name in lines], size, rows)
    assert set(found) <= set(asked)
    return {path.name: [(s.first, s.end - 1) for s in found[path]] for path in sorted(found)}


def test_all_is_looked_at_where_it_is_little(tmp_path: Path) -> None:
    assert chosen(tmp_path, {"a": 10, "b": 20}, 30) == {"a": [(1, 10)], "b": [(1, 20)]}


def test_beginning_middle_and_end_of_one_file(tmp_path: Path) -> None:
    assert chosen(tmp_path, {"a": 1000}, 30) == {"a": [(1, 10), (501, 510), (991, 1000)]}


def test_beginning_middle_and_end_of_many_files(tmp_path: Path) -> None:
    files = {f"{n:03}": 10 for n in range(100)}
    found = chosen(tmp_path, files, 75)
    assert list(found) == ["000", "001", "002", "050", "051", "052", "097", "098", "099"]
    assert sum(last - first + 1 for spans in found.values() for first, last in spans) == 75
    assert found["000"], found["099"] == ([(1, 10)], [(1, 10)])


def test_stretches_that_meet_are_one(tmp_path: Path) -> None:
    assert chosen(tmp_path, {"a": 31}, 30) == {"a": [(1, 10), (16, 31)]}


def test_of_a_file_whose_end_is_far_only_the_beginning_is_looked_at(tmp_path: Path) -> None:
    found = chosen(tmp_path, {"a": 1000, "b": 10}, 30, endless="a")
    assert found == {"a": [(1, 10)], "b": [(1, 10)]}


def test_a_samples_rows_are_found_in_their_file() -> None:
    one = samples.Sampled(None, "csv", [Stretch(2, 10), Stretch(50, 5)], is_whole=False)  # type: ignore[arg-type]
    assert one.number == 15
    assert [one.place(row) for row in (1, 10, 11, 15)] == [2, 11, 50, 54]
