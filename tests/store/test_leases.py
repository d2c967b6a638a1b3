"""Leases: one owner at a time, a dead one's is taken over, a lost one is noticed."""

import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pipeline.ground import keeping
from pipeline.ground.errors import StoreError
from pipeline.store import leases, urls
from pipeline.store.contract import Store
from pipeline.store.leases import Leases

NAME = "lake/als/run_date=2024-01-01"
LEFT = list[AbstractContextManager[object]]()


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(leases, "SECONDS", 2.0)
    monkeypatch.setattr(leases, "POLL_SECONDS", 0.05)
    if request.param == "file":
        return urls.parse(f"file://{tmp_path}/held").open()
    return urls.parse(f"s3://{request.getfixturevalue('s3').bucket()}/shop").open()


def left_behind(store: Store, owner: str) -> None:
    """A lease whose owner died: nobody renews it or gives it back."""
    dead = Leases(store, owner)
    dead._keep_renewing = lambda: None  # type: ignore[method-assign]
    LEFT.append(dead.held(NAME))
    LEFT[-1].__enter__()


def test_of_two_machines_one_at_a_time_has_a_lease(store: Store) -> None:
    inside, most, order = [0], [0], list[str]()
    counting = threading.Lock()

    def work(owner: str) -> None:
        mine = Leases(store, owner)
        for _ in range(3):
            with mine.held(NAME):
                with counting:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                order.append(owner)
                time.sleep(0.02)
                with counting:
                    inside[0] -= 1

    threads = [threading.Thread(target=work, args=(owner,)) for owner in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], len(order)) == (1, 9)
    assert list(store.list("leases")) == []


def test_a_lease_is_renewed_for_as_long_as_the_work_goes_on(store: Store) -> None:
    with Leases(store, "a").held(NAME) as still:
        deadline = time.monotonic() + 3.5 * leases.SECONDS
        with pytest.raises(TimeoutError), Leases(store, "b").held(NAME, waiting_until(deadline)):
            pass
        still()


def waiting_until(deadline: float) -> keeping.Waiter:
    def wait(take: object, holder: object) -> None:
        while not take():  # type: ignore[operator]
            if time.monotonic() > deadline:
                raise TimeoutError(holder())  # type: ignore[operator]
            time.sleep(0.05)

    return wait


def test_a_dead_owners_lease_is_taken_over_when_it_has_stood_still(store: Store) -> None:
    left_behind(store, "a")
    LEFT.append(Leases(store, "b").held(NAME, keeping.at_once))
    with pytest.raises(BlockingIOError, match=r"process \d+ of machine .+ has it"):
        LEFT[-1].__enter__()
    with Leases(store, "b").held(NAME):
        pass


def test_what_a_process_of_the_same_folder_left_is_taken_over_at_once(store: Store) -> None:
    left_behind(store, "a")
    with Leases(store, "a").held(NAME, keeping.at_once):
        pass


def test_who_lost_a_lease_is_told_and_takes_nothing_away_from_its_owner(store: Store) -> None:
    slept = Leases(store, "slept")
    slept._keep_renewing = lambda: None  # type: ignore[method-assign]
    with slept.held(NAME) as still:
        owner = Leases(store, "owner").held(NAME)
        owner.__enter__()
        slept._renew(slept._held[NAME])
        with pytest.raises(StoreError, match=r"another machine has taken it over"):
            still()
    assert store.get(f"leases/{NAME}.json") is not None
    owner.__exit__(None, None, None)
    assert store.get(f"leases/{NAME}.json") is None
