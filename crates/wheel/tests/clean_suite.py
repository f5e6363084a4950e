"""Tests that leak nothing. test_clean.py copies this file and soaks it."""

import asyncio
import contextlib
import io
import logging
import os
import re
import sqlite3
import subprocess
import sys
import threading
import unittest
import warnings
from unittest import mock

import pytest


def test_function():
    assert sorted([3, 1, 2]) == [1, 2, 3]


@pytest.mark.parametrize("number", [0, 1, "two"])
def test_parametrize(number):
    assert [number] == [number]


class TestClass:
    attribute = []

    def setup_method(self):
        self.numbers = [1.5, 2.5]

    def teardown_method(self):
        del self.numbers

    def test_method(self):
        assert sum(self.numbers) == 4

    @staticmethod
    def test_static():
        assert TestClass.attribute == []


class TestUnit(unittest.TestCase):
    def setUp(self):
        self.made = [object()]
        self.addCleanup(self.made.clear)

    def test_unittest(self):
        self.assertEqual(len(self.made), 1)
        with self.assertRaises(KeyError):
            {}["key"]

    def test_subtest(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertEqual(number, number)


class TestAsyncUnit(unittest.IsolatedAsyncioTestCase):
    async def test_async_unittest(self):
        await asyncio.sleep(0)


@pytest.fixture
def each():
    yield [object()]


@pytest.fixture(scope="class")
def of_class():
    yield {"key": object()}


@pytest.fixture(scope="module")
def of_module():
    yield [object()]


@pytest.fixture(scope="session")
def of_session():
    yield io.BytesIO(b"data")


@pytest.fixture(params=["a", "b"])
def of_params(request, of_module):
    return request.param, of_module


@pytest.fixture(autouse=True)
def automatic(of_session):
    yield


def test_fixtures(each, of_class, of_module, of_session, request):
    assert request.getfixturevalue("each") is each


def test_fixture_params(of_params):
    assert of_params[0] in "ab"


def test_dynamic_fixture(request):
    assert request.getfixturevalue("of_params" if False else "of_module")


def test_finalizer(request):
    request.addfinalizer(lambda: None)


def test_tmp_path(tmp_path):
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("text")


def test_tmpdir(tmpdir):
    tmpdir.join("file").write("text")


def test_tmp_path_factory(tmp_path_factory):
    assert tmp_path_factory.getbasetemp().is_dir()


def test_capsys(capsys):
    print("printed")
    print("printed", file=sys.stderr)
    assert capsys.readouterr() == ("printed\n", "printed\n")


def test_capfd(capfd):
    os.write(1, b"written")
    assert capfd.readouterr().out == "written"


def test_prints():
    print("not read by anybody")
    os.write(2, b"nor this")


def test_caplog(caplog):
    logging.getLogger("some").warning("logged")
    assert caplog.messages == ["logged"]


def test_logs():
    logging.getLogger("some").error("not looked at")


def test_monkeypatch(monkeypatch, tmp_path):
    monkeypatch.setenv("SOME_NAME", "value")
    monkeypatch.setattr(os, "sep", "|")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_recwarn(recwarn):
    warnings.warn("of recwarn")
    assert len(recwarn) == 1


def test_warns():
    with pytest.warns(UserWarning, match="expected"):
        warnings.warn("expected")
    warnings.warn("not expected")


def test_raises():
    with pytest.raises(ValueError, match="text"):
        raise ValueError("text")


def test_approx():
    assert 0.1 + 0.2 == pytest.approx(0.3)


def test_async_by_hand():
    async def nothing():
        await asyncio.sleep(0)
        return 1

    assert asyncio.run(nothing()) == 1


def test_thread():
    done = []
    thread = threading.Thread(target=done.append, args=(1,))
    thread.start()
    thread.join()
    assert done == [1]


def test_subprocess():
    assert subprocess.run(["/bin/true"]).returncode == 0


def test_mock():
    with mock.patch("os.getpid", return_value=1) as patched:
        assert os.getpid() == 1
    patched.assert_called_once_with()


def test_cycle():
    cycle = []
    cycle.append(cycle)


def test_regular_expression():
    assert re.compile("[a-z]+").match("abc")


def test_database():
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        assert database.execute("select 1").fetchall() == [(1,)]


def test_class_made():
    class Made:
        pass

    assert Made() is not None


def test_record_property(record_property):
    record_property("name", "value")


def test_caught_warnings():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("caught")
    assert len(caught) == 1


def test_exception_kept_until_the_end(each):
    try:
        raise RuntimeError
    except RuntimeError as error:
        each.append(error)


def test_big_memory():
    assert len(bytearray(10 << 20)) == 10 << 20


def test_slow_enough_for_short_windows():
    import time

    time.sleep(0.01)


@pytest.mark.skip(reason="on purpose")
def test_skipped():
    raise AssertionError


@pytest.mark.xfail(reason="on purpose", strict=True)
def test_expected_to_fail():
    raise AssertionError
