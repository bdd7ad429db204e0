#!/usr/bin/env python3
"""The judge of histories (judge.c) on histories made by hand: what it believes, what it finds, what it refuses to read.

    judge.py JUDGE"""
import os
import subprocess
import sys
import tempfile

GOOD, BROKEN, NOTHING_TO_SAY = 0, 1, 2


def judged(text):
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(text)
        f.flush()
        done = subprocess.run([sys.argv[1], f.name], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def lines(*operations):
    return "".join(o + "\n" for o in operations)


def one_thing_after_the_other_is_explained():
    assert judged(lines("0 read ok 1 2 - -", "0 swap ok 3 4 - 1", "0 read ok 5 6 1 -", "0 write ok 7 8 - 2",
                        "3 read ok 1 8 - -")) == (GOOD, "5 operations of 2 registers: one order explains each\n")


def a_stale_read_has_no_place():
    code, said = judged(lines("0 swap ok 1 2 - 1", "7 swap ok 1 2 - 1", "7 swap ok 3 4 1 2", "7 read ok 5 6 1 -"))
    assert code == BROKEN, said
    assert said.startswith("no order explains register 7: a read of 1 (asked at moment 5, answered at 6) has no place"), said


def an_acknowledged_write_that_is_gone_has_no_place():
    assert judged(lines("0 swap ok 1 2 - 1", "0 swap ok 3 4 1 2", "0 swap ok 5 6 1 3"))[0] == BROKEN


def what_was_refused_for_certain_must_not_be_seen():
    assert judged(lines("0 swap refused 1 2 - 1", "0 read ok 3 4 1 -"))[0] == BROKEN


def what_is_unknown_may_be_seen_late_or_never_but_not_go_back():
    assert judged(lines("0 swap unknown 1 - - 1", "0 read ok 2 3 - -", "0 read ok 4 5 1 -", "0 read unknown 6 - - -"))[0] == GOOD
    assert judged(lines("0 swap unknown 1 2 - 1", "0 read ok 3 4 - -"))[0] == GOOD
    assert judged(lines("0 swap unknown 1 - - 1", "0 read ok 2 3 1 -", "0 read ok 4 5 - -"))[0] == BROKEN


def lines_need_no_order():
    assert judged(lines("0 read ok 5 6 1 -", "0 swap ok 1 2 - 1"))[0] == GOOD


def what_is_past_the_limits_is_not_called_good():
    code, said = judged("".join(f"0 read ok {2 * i + 1} {2 * i + 2} - -\n" for i in range(2001)))
    assert (code, said) == (NOTHING_TO_SAY, "register 0 cannot be judged: more than 2000 operations\n"), said


def a_line_that_makes_no_sense_is_refused_with_its_number():
    good = "0 read ok 1 2 - -\n"
    for bad in ("", "0 read ok 1 2 -", "0 read ok 1 2 - - -", "0  read ok 1 2 - -", "x read ok 1 2 - -", "-1 read ok 1 2 - -",
                "10000 read ok 1 2 - -", "0 peek ok 1 2 - -", "0 read maybe 1 2 - -", "0 read ok - 2 - -", "0 read ok 0 2 - -",
                "0 read ok 1 - - -", "0 swap refused 1 - - 1", "0 read ok 2 2 - -", "0 read ok 2 1 - -", "0 read ok 1 2 1x -",
                "0 read ok 1 2 - 1", "0 swap ok 1 2 1 -", "0 write ok 1 2 1 2", "0 read unknown 1 - 1 -",
                "0 read ok 1 99999999999999999999 - -", "0 read ok 1 2 - -" + " " * 300):
        code, said = judged(good + bad + "\n")
        assert code == NOTHING_TO_SAY and said.startswith("no history: line 2: "), (bad, code, said)
    assert judged(good + good.rstrip("\n"))[0] == NOTHING_TO_SAY


tests = [one_thing_after_the_other_is_explained, a_stale_read_has_no_place, an_acknowledged_write_that_is_gone_has_no_place,
         what_was_refused_for_certain_must_not_be_seen, what_is_unknown_may_be_seen_late_or_never_but_not_go_back,
         lines_need_no_order, what_is_past_the_limits_is_not_called_good, a_line_that_makes_no_sense_is_refused_with_its_number]

if __name__ == "__main__":
    failed = 0
    for test in tests:
        try:
            test()
            print("ok " + test.__name__)
        except AssertionError as e:
            failed += 1
            print(f"FAILED {test.__name__}: {e}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
