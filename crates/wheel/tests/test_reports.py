"""Tests are reported as without the soak, and what they print is printed once."""

import re

import pytest

OUTCOMES = """
    import logging
    import sys
    import unittest

    def test_passes():
        print("out of test_passes")
        print("err of test_passes", file=sys.stderr)
        logging.getLogger("some").warning("log of test_passes")

    def test_fails():
        print("out of test_fails")
        assert [1, 2] == [1, 3]

    @pytest.mark.skip(reason="marked")
    def test_is_skipped():
        pass

    def test_skips():
        pytest.skip("from inside")

    @pytest.mark.xfail(reason="marked")
    def test_is_expected_to_fail():
        assert False

    @pytest.mark.xfail(reason="marked")
    def test_passes_unexpectedly():
        pass

    @pytest.mark.xfail(reason="marked", strict=True)
    def test_passes_against_a_strict_expectation():
        pass

    def test_xfails():
        pytest.xfail("from inside")

    @pytest.fixture
    def fails_before():
        raise ValueError("in setup")

    @pytest.fixture
    def fails_after():
        yield
        raise ValueError("in teardown")

    @pytest.fixture(scope="module")
    def fails_at_the_end():
        yield
        raise ValueError("at the end")

    def test_error_in_setup(fails_before):
        pass

    def test_error_in_teardown(fails_after):
        print("out of test_error_in_teardown")

    def test_asserts_inside():
        with pytest.raises(AssertionError) as caught:
            assert [1, 2] == [1, 3]
        assert "At index 1 diff: 2 != 3" in str(caught.value)

    def test_exits():
        sys.exit(3)

    class TestUnit(unittest.TestCase):
        def test_unit_passes(self):
            pass

        def test_unit_fails(self):
            self.assertEqual(1, 2)

        def test_unit_skips(self):
            self.skipTest("from inside")

        @unittest.expectedFailure
        def test_unit_expected_to_fail(self):
            self.fail()

        @unittest.expectedFailure
        def test_unit_passes_unexpectedly(self):
            pass

        def test_unit_cleanup_fails(self):
            self.addCleanup(lambda: 1 / 0)

        def test_unit_subtest_fails(self):
            for number in range(3):
                with self.subTest(number=number):
                    self.assertNotEqual(number, 1)

    def test_last(fails_at_the_end):
        pass
"""
SUBTESTS = """
    def test_subtest_fails(subtests):
        for number in range(3):
            with subtests.test(number=number):
                assert number != 1

    def test_subtests_pass(subtests):
        with subtests.test("text"):
            pass
"""


def reported(run):
    """What pytest reports, without times, the soak and its files."""
    lines = run.out.partition("collected ")[2].splitlines()
    end = next((index for index, line in enumerate(lines) if re.fullmatch("=+ soak =+", line)), None)
    if end is not None:
        summary = next(index for index, line in enumerate(lines) if index > end and line.startswith("===="))
        lines[end:summary] = []
    return [re.sub(r" in [0-9.]+s.*|0x[0-9a-f]+|=|run\d+", "", line) for line in lines]


def test_outcomes_are_those_without_the_soak(run):
    run.write(test_outcomes=OUTCOMES)
    if int(pytest.__version__.split(".")[0]) >= 9:
        run.write(test_subtests=SUBTESTS)
    plain = run("-v")
    soaked = run("--soak", "-v")
    assert soaked.verdicts["test_passes"] == "screened"
    assert soaked.verdicts["test_asserts_inside"] == "screened"
    assert plain.status == soaked.status == 1
    assert reported(soaked) == reported(plain), "%s\n%s" % (plain, soaked)


@pytest.mark.parametrize("options", [["-s"], ["--capture=sys"], ["--capture=fd"], ["--capture=tee-sys"],
                                     ["-p", "no:capture"], ["-o", "log_cli=true", "--log-cli-level=info"]], ids=" ".join)
def test_what_is_printed_is_printed_once(run, options):
    if "no:capture" in options and not hasattr(pytest, "Stash"):
        pytest.skip("this pytest needs its plugin")
    run.write(test_prints="""
        import logging
        import os

        def test_prints():
            print("by print")
            os.write(1, b"by write\\n")
            logging.getLogger("some").warning("by logging")

        def test_disabled(capsys):
            with capsys.disabled():
                print("by disabled")
            print("more")
    """ if "no:capture" not in options else """
        def test_prints():
            print("by print")
    """)
    plain, soaked = run(*options), run("--soak", *options)
    for text in "by print", "by write", "by logging", "by disabled":
        assert soaked.out.count(text) == plain.out.count(text), "%s\n%s" % (plain, soaked)
    assert soaked.verdicts["test_prints"] == "screened"


@pytest.mark.parametrize("body, status, text", [
    ("raise KeyboardInterrupt", 2, "KeyboardInterrupt"),
    ("pytest.exit('enough', returncode=7)", 7, "enough"),
])
def test_a_test_can_end_the_run(run, body, status, text):
    run.write(test_exit="""
        def test_ends():
            %s

        def test_after():
            pass
    """ % body)
    result = run("--soak")
    assert result.status == status, str(result)
    assert text in result.out
    assert not result.verdicts


def test_the_run_stops_at_the_first_failure(run):
    run.write(test_first="""
        import ctypes
        OWN = object()

        def test_leaks():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(OWN))

        def test_after():
            pass
    """)
    result = run("--soak", "-x")
    assert result.verdicts == {"test_leaks": "leak"}
    assert result.outcomes == {"failed": 1}
    again = run("--soak", "--lf")
    assert again.verdicts == {"test_leaks": "leak"}, str(again)
    deselected = run("--soak", "-k", "after")
    assert deselected.verdicts == {"test_after": "screened"}
    (run.directory / "soak.json").unlink()  # collecting keeps the file of the last run
    collected = run("--soak", "--collect-only", "-q")
    assert (collected.status, collected.verdicts) == (0, {}), str(collected)
    assert "test_first.py::test_leaks" in collected.out
    assert "screened" not in collected.out


@pytest.mark.parametrize("plugin", ["terminal", "logging", "warnings", "faulthandler", "tmpdir", "junitxml", "doctest",
                                    "unraisableexception", "threadexception", "cacheprovider", "subtests"])
def test_plugins_of_pytest_can_be_missing(run, plugin):
    run.write(test_one="""
        def test_one():
            assert 1
    """)
    if plugin == "terminal":
        run.report = []
    result = run("--soak", "-p", "no:" + plugin)
    assert result.status == 0, str(result)
    assert result.verdicts == {"test_one": "screened"}
