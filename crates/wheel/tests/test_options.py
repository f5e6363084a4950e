"""The options, each also as an ini key; the baseline; the budget."""

import json

import pytest

LEAKS = """
    import ctypes
    OWN, OTHER = object(), object()

    def leak(kept, times):
        for _ in range(times):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))

    def test_leak():
        leak(OWN, %d)

    def test_other():
        leak(OTHER, %d)
"""
FAST = ["--soak-calls", "160"]


def test_options_are_ini_keys_too(run):
    run.write(test_leaks=LEAKS % (1, 0))
    (run.directory / "pytest.ini").write_text(
        "[pytest]\naddopts = --soak\nsoak_calls = 160\nsoak_seconds = 5\nsoak_allow =\n    *OWN*\nsoak_json = ini.json\n"
        "soak_baseline = known.json\nsoak_no_verdict = fail\nsoak_budget = 1h\n")
    result = run("--soak-json", "soak.json")
    assert result.status == 0, str(result)
    assert result.verdicts == {"test_leak": "clean", "test_other": "clean"}
    assert "at most 5 s each" in result.out
    assert result.rows["test_other"]["record"]["wanted"] == 160
    assert json.loads((run.directory / "known.json").read_text())["findings"] == {}
    assert not (run.directory / "ini.json").exists()
    # The command line counts more.
    result = run("--soak-calls", "320", "--soak-seconds", "6", "-k", "other")
    assert result.rows["test_other"]["record"]["wanted"] == 320
    assert "at most 6 s each" in result.out


@pytest.mark.parametrize("options, message", [
    (["--soak-calls", "many"], "invalid int value: 'many'"),
    (["-o", "soak_calls=many"], "soak_calls: 'many' is not a number"),
    (["--soak-budget", "10x"], "--soak-budget: write a time such as 90s or 10m, not '10x'"),
    (["--soak-no-verdict", "pass"], "soak_no_verdict: write skip or fail"),
    (["--soak-json", "missing/file"], "--soak-json: "),
    (["--soak-baseline", "test_one.py"], "--soak-baseline: test_one.py is not a baseline"),
    (["--pdb"], "--pdb"),
    (["--memray", "-p", "pytest_memray.plugin"], "--soak and --memray disturb each other"),
])
def test_wrong_options_are_refused(run, options, message):
    if "--memray" in options:
        pytest.importorskip("pytest_memray")
    run.write(test_one="""
        def test_one():
            pass
    """)
    result = run("--soak", *options)
    assert result.status == 4, str(result)
    assert message in result.out + result.err, str(result)
    assert "Traceback" not in result.out + result.err, str(result)


def test_without_a_verdict_a_test_is_skipped_or_fails(run):
    run.write(test_once="""
        CALLS = []

        def test_once():
            CALLS.append(1)
            assert len(CALLS) == 1
    """)
    result = run("--soak", "--soak-no-verdict", "skip")
    assert (result.status, result.outcomes) == (0, {"skipped": 1}), str(result)
    assert "SKIPPED [1] test_once.py:5: soak: none: the test passes once, but not when it is repeated" in result.out
    result = run("--soak", "--soak-no-verdict", "fail")
    assert (result.status, result.outcomes) == (1, {"failed": 1}), str(result)


def test_a_baseline_lets_known_leaks_pass(run):
    run.write(test_leaks=LEAKS % (1, 0))
    options = ["--soak", *FAST, "--soak-baseline", "known.json"]
    first = run(*options)
    assert first.status == 1, str(first)
    assert "python -m refsoak soak 'module.f()'" in first.out
    assert "wrote 1 finding to known.json; from the next run on, it does not fail" in first.out
    findings = json.loads((run.directory / "known.json").read_text())["findings"]
    assert list(findings) == ["references to object <object object>, which is test_leaks.OWN"]
    row = {"counter": "references", "per_call": 1.0, "found_by": ["test_leaks.py::test_leak"]}
    assert list(findings.values()) == [row]

    known = run(*options)
    assert known.status == 0, str(known)
    assert known.verdicts == {"test_leak": "leak", "test_other": "clean"}
    assert known.rows["test_leak"]["baseline"] == "known"
    assert "(in the baseline)" in known.out
    assert "python -m refsoak soak" not in known.out
    assert "no longer found" not in known.out

    run.write(test_leaks=LEAKS % (2, 0))
    worse = run(*options, "test_leaks.py::test_leak")
    assert worse.status == 1, str(worse)
    assert "worse than in the baseline, 2 per call instead of 1" in worse.out

    run.write(test_leaks=LEAKS % (0, 1))
    new = run(*options)
    assert new.status == 1, str(new)
    assert "no longer found, remove it from known.json: references to" in new.out
    part = run(*options, "-k", "test_other")
    assert "no longer found" not in part.out
    assert json.loads((run.directory / "known.json").read_text())["findings"] == findings


def test_a_budget_that_is_spent_leaves_a_plain_run(run):
    run.write(test_leaks=LEAKS % (1, 1))
    result = run("--soak", "--soak-budget", "0")
    assert (result.status, result.verdicts) == (0, {"test_leak": "unsoaked", "test_other": "unsoaked"}), str(result)
    assert "2 not even screened, because the budget was spent" in result.out


def test_a_budget_that_gets_short_leaves_screening(run):
    run.write(test_leaks=LEAKS % (1, 1), conftest="""
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_collection_finish(session):
            # As if each test so far had taken so many seconds.
            session.config.pluginmanager.getplugin("refsoak-soak").quick = [1e6, 1]
    """)
    result = run("--soak", "--soak-budget", "10m")
    assert result.verdicts == {"test_leak": "none", "test_other": "none"}, str(result)
    assert "something grows, but the budget has no time to soak this test" in result.out


def test_a_budget_with_time_soaks_to_certainty(run):
    run.write(test_leaks=LEAKS % (1, 1))
    result = run("--soak", "--soak-budget", "10m", "test_leaks.py::test_leak")
    assert result.verdicts == {"test_leak": "leak"}, str(result)


def test_help_names_the_options(run):
    result = run("--help")
    for name in "calls", "seconds", "json", "baseline", "budget", "no-verdict":
        assert "--soak-%s" % name in result.out
        assert "soak_%s (" % name.replace("-", "_") in result.out
    assert "soak_allow (" in result.out
    assert "@pytest.mark.soak(calls, seconds, allow)" in run("--markers").out
    assert "soak(function, *arguments)" in run("--fixtures").out


@pytest.mark.parametrize("options, message", [
    (["--soak-json", "/dev/full"], "--soak-json: /dev/full: No space left on device"),
    (["--soak-baseline", "gone/known.json"], "--soak-baseline: gone/known.json: "),
    (["--soak-json", "/dev/full", "-p", "xdist.plugin", "-n", "1"], "--soak-json: /dev/full: No space left on device"),
])
def test_a_file_that_cannot_be_written_fails_the_run_at_its_end(run, options, message):
    if "xdist.plugin" in options:
        pytest.importorskip("xdist")
    run.write(test_gone="""
        import os

        @pytest.mark.no_soak
        def test_directory():
            os.rmdir("gone")

        def test_one():
            pass

        def test_last():
            pass
    """)
    (run.directory / "gone").mkdir()
    result = run("--soak", *options)
    assert result.status == 1, str(result)
    assert "INTERNALERROR" not in result.out and "Traceback" not in result.err, str(result)
    assert result.outcomes == {"passed": 3}
    assert message in result.out
    assert "2 screened without a finding" in result.out


@pytest.mark.parametrize("options, marker, message", [
    (["--soak-calls", "0"], "", "soak: calls must be an int from 1 to 1000000000, not 0"),
    (["--soak-calls", "-5"], "", "soak: calls must be an int from 1 to 1000000000, not -5"),
    (["--soak-calls", "9" * 20], "", "soak: calls must be an int from 1 to 1000000000, not 999"),
    (["-o", "soak_seconds=nan"], "", "soak: seconds must be a number above 0 and up to 1000000000, not nan"),
    (["--soak-seconds", "-1"], "", "soak: seconds must be a number above 0 and up to 1000000000, not -1.0"),
    ([], "calls=0", "soak: calls must be"),
    ([], "calls=1.5", "soak: calls must be an int from 1 to 1000000000, not 1.5"),
    ([], "seconds='x'", "soak: seconds must be a number above 0 and up to 1000000000, not 'x'"),
    ([], "allow=None", "soak: allow must be a pattern or a list of patterns, not None"),
    ([], "allow=[3]", "soak: allow must be a pattern or a list of patterns, not [3]"),
])
def test_settings_that_would_give_no_verdict_are_refused(run, options, marker, message):
    run.write(test_one="""
        KEPT = []

        @pytest.mark.soak(%s)
        def test_one():
            KEPT.append(object())
    """ % marker)
    result = run("--soak", *options)
    assert result.status == 4, str(result)
    assert "ERROR: test_one.py::test_one: " + message in result.err, str(result)


def test_collecting_tests_keeps_the_results_of_the_last_run(run):
    run.write(test_one="""
        def test_one():
            pass
    """)
    (run.directory / "soak.json").write_text('{"test": "a::b", "verdict": "clean"}\n')
    result = run("--soak", "--collect-only")
    assert result.status == 0, str(result)
    assert result.verdicts == {"b": "clean"}
