"""Leaks fail, and what cannot be judged says why."""

import time

import pytest

import refsoak

LEAKS = """
    import ctypes
    import sys
    import unittest

    OWN, SHARED = object(), object()

    def leak():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(SHARED))

    def test_leak():
        leak()

    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    def test_equal_leaks(number):
        leak()

    class TestUnit(unittest.TestCase):
        def test_leak_of_unittest(self):
            leak()

    @pytest.fixture
    def leaking():
        yield
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(OWN))

    def test_leak_of_fixture(leaking):
        pass

    def test_no_leak():
        pass

    @pytest.mark.no_soak(reason="known")
    def test_not_soaked():
        leak()

    @pytest.mark.leaks_references(reason="as NumPy marks it")
    def test_not_soaked_for_numpy():
        leak()

    CALLS = []

    def test_only_once():
        CALLS.append(1)
        assert len(CALLS) == 1

    class TestUnitOnce(unittest.TestCase):
        calls = 0

        def test_unit_only_once(self):
            type(self).calls += 1
            self.assertEqual(self.calls, 1)
"""


@pytest.fixture(scope="module")
def leaks(new_runner):
    run = new_runner()
    run.write(test_leaks=LEAKS)
    return run("--soak", "-o", "markers=leaks_references", "--junitxml", "junit.xml")


def test_leaks_fail(leaks):
    assert leaks.status == 1
    for test in "test_leak", "TestUnit::test_leak_of_unittest", "test_leak_of_fixture":
        assert leaks.verdicts[test] == "leak", str(leaks)
    assert "FAILED test_leaks.py::test_leak" in leaks.out
    assert leaks.verdicts["test_no_leak"] == "screened"


def test_the_leaking_line_is_named(leaks):
    assert "test_leaks.py:10: +1 reference per call" in leaks.rows["test_leak"]["text"], str(leaks)
    assert "which is test_leaks.OWN" in leaks.rows["test_leak_of_fixture"]["text"]


def test_equal_leaks_are_one_finding_and_soaked_three_times(leaks):
    rows = [leaks.rows["test_equal_leaks[%d]" % number] for number in range(1, 5)]
    assert [row["verdict"] for row in rows] == ["leak"] * 4
    assert "the same as in" in rows[3]["text"]
    finding = next(line for line in leaks.out.splitlines() if line.startswith("leak: references to"))
    assert leaks.out.count(finding + "\n") == 1
    assert "    and 1 more tests" in leaks.out


def test_marked_tests_are_not_soaked(leaks):
    assert "PASSED test_leaks.py::test_not_soaked\n" in leaks.out
    assert "PASSED test_leaks.py::test_not_soaked_for_numpy\n" in leaks.out
    assert not {"test_not_soaked", "test_not_soaked_for_numpy"} & set(leaks.verdicts)


def test_a_test_that_fails_on_repeat_has_no_verdict(leaks):
    for test, error in ("test_only_once", "assert 2 == 1"), ("TestUnitOnce::test_unit_only_once", "2 != 1"):
        row = leaks.rows[test]
        assert row["verdict"] == "none", str(leaks)
        assert "none: the test passes once, but not when it is repeated: AssertionError: " + error in row["text"]
    assert leaks.outcomes["skipped"] == 2


def test_junit_has_the_verdicts(leaks):
    text = (leaks.directory / "junit.xml").read_text()
    for verdict, number in ("leak", 7), ("screened", 1), ("none", 2):
        assert text.count('<property name="soak" value="%s"' % verdict) == number, text


def test_json_has_a_line_for_each_test(leaks):
    assert len(leaks.lines) == len(leaks.rows) == 10
    row = leaks.rows["test_leak"]
    assert row["test"] == "test_leaks.py::test_leak"
    assert row["record"]["verdict"] == "leak"
    assert row["record"]["schema"] == 1
    assert leaks.rows["test_no_leak"]["window"] >= 1


FIXTURES = """
    import os

    def note(text):
        with open("log", "a") as file:
            file.write("%s %d\\n" % (text, os.getpid()))

    @pytest.fixture
    def each():
        note("function up")
        yield
        note("function down")

    @pytest.fixture(scope="class")
    def of_class():
        note("class up")
        yield
        note("class down")

    @pytest.fixture(scope="module")
    def of_module():
        note("module up")
        yield
        note("module down")

    @pytest.fixture(scope="session")
    def of_session():
        note("session up")
        yield
        note("session down")

    class TestClass:
        def test_one(self, each, of_class, of_module, of_session):
            note("one")

        def test_two(self, each, of_class, of_module, of_session):
            note("two")
"""


def test_function_fixtures_are_set_up_with_each_call_and_wider_ones_once(run):
    run.write(test_fixtures=FIXTURES)
    result = run("--soak")
    assert result.status == 0, str(result)
    log = [line.rsplit(" ", 1) for line in (run.directory / "log").read_text().splitlines()]
    processes = dict.fromkeys(process for _, process in log)
    assert len(processes) == 2
    for process, test in zip(processes, ("one", "two")):
        texts = [text for text, other in log if other == process]
        calls = texts.count(test)
        assert calls > 4
        assert texts.count("function up") == texts.count("function down") == calls
        for scope in "class", "module", "session":
            assert texts.count(scope + " up") == texts.count(scope + " down") == 1
        index = texts.index("function up")
        assert texts[index:index + 3] == ["function up", test, "function down"]
        assert texts[-3:] == ["class down", "module down", "session down"]


def test_fixtures_of_tests_without_a_soak_stay_in_the_parent(run):
    run.write(conftest=FIXTURES.partition("class TestClass")[0], test_a="""
        from conftest import note

        @pytest.mark.no_soak(reason="runs in the parent")
        def test_first(of_module, of_session):
            note("first")

        def test_soaked(of_module, of_session):
            pass
    """, test_b="""
        from conftest import note

        @pytest.mark.no_soak(reason="runs in the parent")
        def test_last(of_module, of_session):
            note("last")
    """)
    result = run("--soak")
    assert result.status == 0, str(result)
    assert result.outcomes == {"passed": 3}
    texts = [line.rsplit(" ", 1)[0] for line in (run.directory / "log").read_text().splitlines()]
    assert texts == ["session up", "module up", "first", "module down", "module up", "last", "module down",
                     "session down"], texts


MARKED = """
    import ctypes

    OWN = object()
    KEPT = []

    def leak(times=1):
        for _ in range(times):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(OWN))

    @pytest.mark.soak
    def test_marked():
        leak()

    @pytest.mark.soak(calls=160, seconds=5, allow=["*OWN*"])
    def test_allowed():
        leak()

    @pytest.mark.soak(calls=160)
    class TestMarked:
        def test_of_class(self):
            pass

    def test_unmarked():
        leak()

    def test_fixture_of_a_leak(soak):
        soak(leak)

    def test_fixture_of_no_leak(soak):
        assert soak(sorted, [2, 1], reverse=True).verdict == "clean"

    @pytest.mark.soak(allow="*OWN*", calls=160)
    def test_fixture_of_an_allowed_leak(soak):
        report = soak(leak, times=2)
        assert report.record["allowed"]
"""


@pytest.fixture(scope="module")
def marked(new_runner):
    run = new_runner()
    run.write(test_marked=MARKED)
    return run("test_marked.py", "--strict-markers")


def test_markers_work_without_the_option(marked):
    assert marked.verdicts == {"test_marked": "leak", "test_allowed": "clean", "TestMarked::test_of_class": "clean"}
    assert "FAILED test_marked.py::test_marked" in marked.out
    assert "PASSED test_marked.py::test_unmarked" in marked.out
    assert marked.rows["test_allowed"]["record"]["allowed"], str(marked)


def test_the_fixture_soaks_a_function_with_arguments(marked):
    assert "FAILED test_marked.py::test_fixture_of_a_leak - Failed: leak" in marked.out, str(marked)
    assert "PASSED test_marked.py::test_fixture_of_no_leak" in marked.out, str(marked)
    assert "PASSED test_marked.py::test_fixture_of_an_allowed_leak" in marked.out, str(marked)


def test_a_marker_with_wrong_arguments_is_refused_before_the_first_test(run):
    run.write(test_marked="""
        def test_first():
            pass

        @pytest.mark.soak(call=3)
        def test_wrong():
            pass
    """)
    result = run()
    assert result.status == 4, str(result)
    assert "test_marked.py::test_wrong: soak takes calls=, seconds= and allow=" in result.out + result.err
    assert "PASSED" not in result.out


def test_hypothesis_is_not_soaked(run):
    pytest.importorskip("hypothesis")
    run.write(test_hypothesis="""
        from hypothesis import given, strategies

        @given(strategies.integers())
        def test_hypothesis(number):
            assert number == number
    """)
    result = run("--soak", "-p", "_hypothesis_pytestplugin")
    assert (result.status, result.verdicts) == (0, {}), str(result)


def test_a_report_without_a_verdict_does_not_say_that_it_is_certain():
    store = {}

    def fill():
        time.sleep(0.01)
        store[len(store)] = object()

    # On a busy machine, a few seconds may be too few to compare anything.
    reports = (refsoak.soak(fill, seconds=seconds) for seconds in (3, 6, 12, 24))
    report = next(report for report in reports if "still filling" in str(report))
    assert report.verdict == "none", report
    assert ": there was no time for more\n" in str(report), report
    assert "certain" not in str(report), report
    assert "growing: 1 item per call" in str(report) and "LEAK" not in str(report), report
