"""How many may be where at once."""

import threading

from importer.lanes import Lanes


def test_there_is_room_for_so_many_requests_and_no_more():
    lanes = Lanes(uploads=2, memory=1)
    with lanes.request() as first, lanes.request(within=0) as second:
        assert (first, second) == (True, True)
        with lanes.request(within=0) as third:
            assert not third
    with lanes.request(within=0) as again:
        assert again, "whoever got none has given none back"


def test_documents_wait_until_their_bytes_have_room_but_a_large_one_may_go_alone():
    lanes = Lanes(uploads=1, memory=100)
    entered = []

    def hold(size):
        with lanes.holding(size):
            entered.append(size)

    with lanes.holding(60), lanes.holding(40):
        waiting = [threading.Thread(target=hold, args=[size]) for size in (1, 1000)]
        for thread in waiting:
            thread.start()
        while len(lanes._room._waiters) < 2:
            pass
        assert entered == []
    for thread in waiting:
        thread.join()
    assert sorted(entered) == [1, 1000]


def test_every_other_place_is_for_whoever_is_in_a_hurry_and_the_rest_for_who_waits_longest():
    lanes = Lanes(uploads=1, memory=1)
    order = []

    def ask(name, haste):
        with lanes.overtaking(haste), lanes.request():
            order.append(name)

    with lanes.request():
        threads = []
        for name, haste in {"first": 0, "second": 0, "third": 0, "news": 1, "latest news": 2}.items():
            threads.append(threading.Thread(target=ask, args=[name, haste]))
            threads[-1].start()
            while len(lanes._requests._waiting) < len(threads):
                pass
    for thread in threads:
        thread.join()

    assert order == ["latest news", "first", "news", "second", "third"]
