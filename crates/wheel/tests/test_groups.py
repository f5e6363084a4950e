"""Tests that leak the same are one group, and pytest's own objects are not named."""

from pytest_refsoak.groups import EXCEPTIONS, groups


def result(test, references=(), containers=(), grown=(), counters=("blocks",)):
    record = {
        "references": [{"object": thing, "variable": variable} for thing, variable in references],
        "containers": list(containers), "grown": list(grown),
        "counters": [{"name": name, "finding": "leak"} for name in counters],
    }
    return "test_a.py::" + test, {"verdict": "leak", "text": "leak: ...", "record": record}


def test_seventy_three_tests_with_one_object_are_one_group():
    line = "/venv/site-packages/package/__init__.py:36: +%d blocks per call: return call()"
    found = groups([result("test_%d" % number, [("type <class 'package.Kind'>", "package.Kind")],
                           grown=[line % number, "/here/test_a.py:%d: +1 block per call: call()" % number])
                    for number in range(1, 74)])
    assert [len(group.results) for group in found] == [73]
    assert str(found[0]) == "leak: references to type <class 'package.Kind'>, at package/__init__.py:36: return call()"


def test_tests_that_share_an_object_are_one_group():
    names = "Variable", "Term", "Expression", "Constraint", "Solver"
    types = [("type <class 'package.%s'>" % name, "test_b." + name) for name in names]  # a test imports them
    found = groups([result("test_%d" % number, types[:number][::-1]) for number in range(1, 6)])
    assert [len(group.results) for group in found] == [5]
    assert str(found[0]) == (
        "leak: references to type <class 'package.Variable'>, to type <class 'package.Term'>, "
        "to type <class 'package.Expression'> and to 2 more")


def test_kept_exceptions_are_one_group_whatever_their_frames_keep():
    kinds = ["+1 object of type traceback per call", "+2 objects of type frame per call"]
    found = groups([
        result("test_one", [("type <class 'package.Error'>", "package.Error")], grown=kinds),
        result("test_other", [("function <function test_other at 0x7f00>", "test_a.test_other")], grown=kinds[1:]),
    ])
    assert [group.cause for group in found] == [EXCEPTIONS]


def test_objects_of_the_test_come_after_lines_of_others():
    own = [("type <class 'test_a.Error'>", "test_a.Error"), ("code <code object f at 0x7...e/test_a.py\", line 4>", "")]
    line = "/venv/site-packages/package/__init__.py:36: +1 block per call: return call()"
    assert groups([result("test_one", own, grown=[line])])[0].cause == "package/__init__.py:36"
    assert groups([result("test_one", own)])[0].cause == "references to type <class 'test_a.Error'>"


def test_what_moves_unevenly_is_not_called_the_leak():
    test, found = result("test_one", [("object <object>", "a.THING")], ["a.CACHE, a dict: +3 items, 9 now"],
                         ["/here/b.py:3: +1 block per call: call()"])
    assert groups([(test, found)])[0].cause == "references to object <object>, which is a.THING"
    record = found["record"]
    record["references"][0]["finding"] = "rare"
    assert groups([(test, found)])[0].cause == "a.CACHE, a dict"
    record["items"] = [{"object": "dict {}", "variable": "a.CACHE", "finding": "rare"}]
    assert groups([(test, found)])[0].cause == "/here/b.py:3"
    record["containers"].append("a.TEXT, a str: +1 item per call")
    assert groups([(test, found)])[0].cause == "a.TEXT, a str"


def test_a_kept_exception_names_nothing_of_pytest(run):
    run.write(test_kept="""
        import ctypes

        def refuse():
            raise ValueError

        def test_raises():
            with pytest.raises(ValueError) as caught:
                refuse()
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(caught.value))
    """)
    ended = run("--soak")
    row = ended.rows["test_raises"]
    assert row["verdict"] in ("leak", "none"), ended
    assert "_pytest" not in row["text"] and "pluggy" not in row["text"], row["text"]
    assert "runpy" not in row["text"] and "refsoak" not in row["text"], row["text"]
