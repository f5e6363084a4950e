use crate::lesson::{Lesson, Mistake, Run};
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi, with_python};

pub(super) const LESSON: Lesson = Lesson {
    name: "text",
    rule: "A string you make is yours; reading it borrows it.",
    drawn: true,
    run: Run::Locked(run),
    mistakes: &[Mistake::Asked {
        name: "text-after-release",
        run: text_after_release,
    }],
    python: "",
    why: r#"
Why copy: PyUnicode_AsUTF8 returns memory that belongs to the string, and is
freed with it. A Go program that inspired this lesson read the text of an error
after it had released the error.

```c
const char *bytes = PyUnicode_AsUTF8(text);  /* the string's: do not free */
if (bytes == NULL)
    return NULL;
char *copy = strdup(bytes);                  /* yours: free(copy) */
Py_DECREF(text);
```
"#,
};

fn run(py: Python<'_>, t: &mut Table<'_>) -> Result<()> {
    step!(t, let text = capi::unicode_from_str(py, "größer")?;
        "PyUnicode_FromStringAndSize(..)", "we own text", text: 1);
    step!(t, let copy = capi::unicode_to_string(&text).unwrap_or_default();
        "PyUnicode_AsEncodedString(text)", "text is borrowed", text: 1);
    step!(t, "", "a copy; ö and ß take two",
        "How many bytes does größer take in UTF-8?", copy.len() => 8);
    step!(t, drop(text);
        "Py_DECREF(text)", "text is freed, copy is not", text: 0);
    step!(t, "PyUnicode_AsUTF8(text), Py_DECREF", "no copy: freed with text",
        "What does the first byte read as?", t.child("text-after-release") => "0xdd");
    t.note("Python's debug allocator fills freed memory with 0xdd");
    Ok(())
}

fn text_after_release(doomed: Doomed) -> refsoak::Result<String> {
    let byte = with_python(|py| {
        let text = capi::unicode_from_str(py, "a text of some length, to be freed")?;
        Ok(raw::read_text_after_release(text, doomed))
    })?;
    Ok(format!("{byte:#x}"))
}
