"""Tests that leak nothing are quiet, whatever of pytest and the standard library they use."""

from pathlib import Path

import pytest

from conftest import Runner


def test_a_suite_without_leaks_is_quiet(run):
    run.write(test_suite=Path(__file__).with_name("clean_suite.py").read_text())
    result = run("--soak")
    assert result.status == 0, str(result)
    assert set(result.verdicts.values()) == {"screened"}, str(result)
    assert result.outcomes == {"passed": 40, "skipped": 1, "xfailed": 1}, str(result)
    assert len(result.lines) == 40


def test_a_full_soak_of_pytests_own_fixtures_is_clean(run):
    run.write(test_suite=Path(__file__).with_name("clean_suite.py").read_text())
    result = run("--soak", "--soak-calls", "160", "-k",
                 "caplog or capsys or recwarn or record_property or monkeypatch or test_subtest")
    assert result.status == 0, str(result)
    assert len(result.verdicts) == 6
    assert set(result.verdicts.values()) == {"clean"}, str(result)


ASYNC = """
    import asyncio

    @pytest.fixture
    async def each():
        await asyncio.sleep(0)
        yield [object()]

    {mark}
    async def test_async({fixture}):
        await asyncio.sleep(0)
"""


@pytest.mark.parametrize("plugin, options, mark, fixture", [
    ("pytest_asyncio", ["-o", "asyncio_mode=auto"], "", "each"),
    ("anyio", [], "@pytest.mark.anyio", "anyio_backend"),
])
def test_async_tests_are_quiet(run, plugin, options, mark, fixture):
    pytest.importorskip(plugin)
    run.write(test_async=ASYNC.format(mark=mark, fixture=fixture), conftest="""
        @pytest.fixture
        def anyio_backend():
            return "asyncio"
    """)
    module = {"anyio": "anyio.pytest_plugin", "pytest_asyncio": "pytest_asyncio.plugin"}[plugin]
    result = run("--soak", "-p", module, *options)
    assert result.verdicts == {"test_async": "screened"}, str(result)


def test_pytests_own_subtests_are_quiet(run):
    if int(pytest.__version__.split(".")[0]) < 9:
        pytest.skip("pytest 9 has subtests")
    run.write(test_subtests="""
        def test_subtests(subtests):
            for number in range(3):
                with subtests.test(number=number):
                    assert number >= 0
    """)
    result = run("--soak", "--soak-calls", "160")
    assert result.verdicts == {"test_subtests": "clean"}, str(result)
    assert result.status == 0


def test_doctests_are_quiet(run):
    (run.directory / "module.py").write_text('"""Text.\n\n>>> [1] * 2\n[1, 1]\n"""\n')
    result = run("--soak", "--doctest-modules")
    assert result.verdicts == {"module": "screened"}, str(result)
