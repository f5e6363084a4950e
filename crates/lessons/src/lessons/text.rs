use crate::lesson::{Lesson, Mistake, Run};
use crate::raw::{self, Doomed};
use crate::table::{Table, step};
use pyoutliers::{Python, Result, capi, with_python};

pub(super) const LESSON: Lesson = Lesson {
    name: "text",
    rule: "A string you make is yours; reading it borrows it.",
    undrawn: None,
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
        "text = PyUnicode_FromStringAndSize(\"größer\", 8)", "we own text", text: 1);
    step!(t, let copy = capi::unicode_to_string(&text).unwrap_or_default();
        "copy = PyUnicode_AsEncodedString(text, \"utf-8\", NULL)", "text is borrowed", text: 1);
    step!(t, "", "8 bytes: ö and ß take two",
        "How many bytes does größer take in UTF-8?", copy.len() => 8);
    step!(t, drop(text);
        "Py_DECREF(text)", "text is freed, copy is not", text: 0);
    t.again();
    step!(t, let text = capi::unicode_from_str(py, "größer")?;
        "/* again: */ text = PyUnicode_FromStringAndSize(\"größer\", 8)", "we own text", text: 1);
    let byte = t.child("text-after-release");
    step!(t, drop(text);
        "const char *bytes = PyUnicode_AsUTF8(text); Py_DECREF(text)", "no copy: freed with text",
        "Does bytes keep the text?", if byte == "0xdd" { "no" } else { &byte } => "no");
    t.note("PYTHONMALLOC=debug fills freed memory with 0xdd, which bytes now reads");
    Ok(())
}

fn text_after_release(doomed: Doomed) -> refsoak::Result<String> {
    let byte = with_python(|py| {
        let text = capi::unicode_from_str(py, "a text of some length, to be freed")?;
        Ok(raw::read_text_after_release(text, doomed))
    })?;
    Ok(format!("{byte:#x}"))
}
