use super::shared::yes;
use crate::lesson::{Lesson, Run};
use crate::python::{answer, call};
use crate::table::{Table, step};
use pyoutliers::{Python, Result};

pub(super) const LESSON: Lesson = Lesson {
    name: "cycles",
    rule: "Counting never frees a cycle. The garbage collector does.",
    undrawn: None,
    run: Run::Locked(run),
    mistakes: &[],
    python: r#"
import gc
import weakref

watched = None


def tie(node):
    """Makes a cycle: the node refers to itself."""
    node.me = node


def watch(node):
    global watched
    watched = weakref.ref(node)


def alive():
    return [int(watched() is not None)]
"#,
    why: r#"
Why: each object of a cycle is owned by another one, so no count reaches 0. The
collector looks for objects that are owned only by each other. For that, their
type needs a function that reports what an object owns (tp_traverse) and one
that releases it (tp_clear). If a reference to one of them has leaked, the
collector thinks that the cycle is in use.

```c
static int traverse(Holder *self, visitproc visit, void *arg)
{
    Py_VISIT(self->item);
    return 0;
}

static int clear(Holder *self)
{
    Py_CLEAR(self->item);
    return 0;
}
/* The type's tp_flags include Py_TPFLAGS_HAVE_GC. Make an object with
   PyObject_GC_New, then call PyObject_GC_Track. Its tp_dealloc begins with
   PyObject_GC_UnTrack and ends with PyObject_GC_Del. */
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    let alive = || Ok::<_, pyoutliers::Error>(yes(answer(py, c"alive")? == [1]));
    step!(t, let node = call(py, c"Node", [])?;
        "/* node = Node() */", "we own node", node: 1);
    call(py, c"watch", [&node])?;
    step!(t, call(py, c"tie", [&node])?;
        "/* node.me = node */", "owned by us and by itself", node: 2);
    step!(t, drop(node);
        "Py_DECREF(node)", "only node itself owns it", node: 1);
    step!(t, "", "nobody can reach it", "Is it alive?", alive()? => "yes");
    t.scene.release_probe("node");
    step!(t, call(py, c"collect", [])?;
        "/* gc.collect() */", "the collector freed it", "Is it alive?", alive()? => "no");
    Ok(())
}
