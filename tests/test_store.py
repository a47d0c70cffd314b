"""A dictionary with a budget."""

from __future__ import annotations

import threading

from explain.store import Store


def test_least_recently_used_goes_first():
    store = Store(limit=3)
    for key in "abc":
        store.put(key, key.upper())
    assert store.get("a") == "A"                                       # used again: 'b' is the oldest now
    store.put("d", "D")
    assert [store.get(k) for k in "abcd"] == ["A", None, "C", "D"] and len(store) == 3 == store.weight


def test_the_budget_is_in_the_values_own_unit():
    store = Store(limit=10, weigh=len)
    store.put("a", "12345")
    store.put("b", "1234")
    assert store.weight == 9
    store.put("c", "123456")                                           # room for it costs the oldest, 'a'
    assert store.get("a") is None and store.get("b") == "1234" and store.weight == 10


def test_one_value_may_cost_several():
    store = Store(limit=10, weigh=len)
    for key in "abcd":
        store.put(key, "12")
    store.put("e", "123456789")
    assert [store.get(k) for k in "abcd"] == [None] * 4 and store.weight == 9


def test_what_is_heavier_than_the_budget_is_not_kept():
    store = Store(limit=3, weigh=len)
    store.put("a", "12")
    store.put("b", "1234")
    assert store.get("b") is None and store.get("a") == "12" and store.weight == 2
    store.put("a", "1234")                                               # the old value is not true any more
    assert store.get("a") is None and store.weight == 0 and len(store) == 0


def test_a_new_value_replaces_the_old():
    store = Store(limit=10, weigh=len)
    store.put("a", "123")
    store.put("a", "12345")
    assert store.get("a") == "12345" and store.weight == 5 and len(store) == 1


def test_clear():
    store = Store(limit=10, weigh=len)
    store.put("a", "123")
    store.clear()
    assert store.get("a") is None and store.weight == 0 and len(store) == 0


def test_many_threads_keep_the_books():
    store, wrong = Store(limit=50, weigh=lambda v: v), []

    def work(seed):
        for i in range(2000):
            store.put((seed * 7 + i) % 97, (i % 5) + 1)
            found = store.get(i % 97)
            if found is not None and not 1 <= found <= 5 or store.weight > 60:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and store.weight == sum(store._items.values()) <= 50
