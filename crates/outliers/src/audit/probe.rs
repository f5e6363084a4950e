//! In a child process of an audit: tries calls, and screens those that `audit.py` asks for.

use std::ffi::CStr;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

use anyhow::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::{convert, interpreter, with_python};
use refsoak::Prepared;
use refsoak::child::{Parent, empty_stdin};

/// The Python half. The second module imports the first.
const MODULES: [(&CStr, &CStr, &str); 2] = [
    (
        c"_outliers_modules",
        c"<outliers>/audit/modules.py",
        include_str!("modules.py"),
    ),
    (
        c"_outliers_audit",
        c"<outliers>/audit/audit.py",
        include_str!("audit.py"),
    ),
];

pub fn probe(module: &str, python: bool, known: &str) -> Result<ExitCode> {
    let parent = Parent::connect()?;
    empty_stdin()?;
    let step = with_python(|py| {
        for (name, file, source) in MODULES {
            interpreter::module(py, name, file, source)?;
        }
        let audit = capi::import_module(py, c"_outliers_audit")?;
        let python = if python { "python" } else { "" };
        let socket = parent.socket().as_raw_fd().to_string();
        let words = [module, python, &socket, known];
        let mut texts = capi::list_new(py, words.len())?;
        for (index, text) in words.into_iter().enumerate() {
            capi::list_set_item(&mut texts, index, capi::unicode_from_str(py, text)?)?;
        }
        let texts: Owned<'_> = texts.finish()?;
        let begin = capi::object_get_attr_string(&audit, c"begin")?;
        Ok(Held::from(capi::object_call_function_obj_args(
            &begin,
            [&texts],
        )?))
    })?;
    let (mut prepared, mut moved) = (None, String::new());
    loop {
        let next = with_python(|py| {
            let moved = capi::unicode_from_str(py, &moved)?;
            let list = capi::object_call_function_obj_args(&step.as_borrowed(py), [&moved])?;
            convert::vec_from_iterable(&list, 1, |_, function| Ok(Held::from(function.clone())))
        })?;
        let Some(function) = next.first() else {
            return Ok(ExitCode::SUCCESS);
        };
        let prepared = match &mut prepared {
            Some(prepared) => prepared,
            none => none.insert(Prepared::new()?),
        };
        let screened = prepared.screen(|| {
            with_python(|py| {
                capi::object_call_function_obj_args(&function.as_borrowed(py), [])
                    .map(drop)
                    .map_err(Into::into)
            })
        });
        moved = match screened {
            Ok(screened) if screened.is_suspect => {
                let counters = screened
                    .counters
                    .iter()
                    .map(|counter| format!("{counter}; "));
                counters.collect::<String>() + &screened.cause
            }
            _ => String::new(),
        };
    }
}
