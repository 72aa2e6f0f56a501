"""Tokens, sessions and their ends, by a clock of the test."""

from nanompi.web.login import GRACE, LIFE, MOST, Login


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def login():
    clock, told = Clock(), []
    return Login(told.append, clock), clock, told


def test_a_token_lets_in_once_and_the_next_is_told():
    """For half a minute the same token still works: a page that reloads has not lost it"""
    one, clock, told = login()
    session = one.enter(told[0])
    assert session and one.knows(session.cookie, session.key) and len(told) == 2 and told[0] != told[1]
    again = one.enter(told[0])
    assert again and again.cookie != session.cookie and len(told) == 2
    clock.now += GRACE + 0.1
    assert one.enter(told[0]) is None and one.enter(told[1]) is not None and len(told) == 3


def test_wrong_tokens_let_nobody_in():
    one, _, told = login()
    for token in ("", "x", told[0][:-1], told[0] + "x", "é", "\ud800"):
        assert one.enter(token) is None
    assert len(told) == 1


def test_halves_of_two_sessions_are_none():
    one, _, told = login()
    first, second = one.enter(told[0]), one.enter(told[1])
    assert one.knows(first.cookie, first.key) and one.knows(second.cookie, second.key)
    assert not one.knows(first.cookie, second.key) and not one.knows(second.cookie, first.key)
    assert not one.knows(first.cookie, "") and not one.knows("", first.key)
    assert not one.knows(first.cookie[:16], first.key)


def test_a_session_ends_after_twelve_hours():
    one, clock, told = login()
    session = one.enter(told[0])
    clock.now += LIFE - 1
    assert one.knows(session.cookie, session.key)
    clock.now += 1
    assert not one.knows(session.cookie, session.key)
    assert LIFE == 12 * 3600


def test_the_number_of_sessions_is_bounded():
    one, _, told = login()
    sessions = [one.enter(told[-1]) for _ in range(MOST + 5)]
    assert sum(one.knows(s.cookie, s.key) for s in sessions) == MOST
    assert one.knows(sessions[-1].cookie, sessions[-1].key)


def test_many_tries_are_too_fast_until_time_has_passed():
    one, clock, _ = login()
    assert [one.too_fast() for _ in range(30)].count(False) == 10
    clock.now += 60
    assert not one.too_fast()


def test_two_servers_do_not_share_a_name_of_a_cookie():
    assert login()[0].cookie != login()[0].cookie
