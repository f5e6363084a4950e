//! The extension module `refsoak._native`: the meter and the commands, for the Python that has loaded it.
//!
//! Each function takes one list, because the layout of a tuple depends on the version of Python. `refsoak/__init__.py`
//! wraps them, and says what they return.

mod init;

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, anyhow};
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::{convert, with_python};
use pyoutliers_cli::Called;
use pyoutliers_cli::baseline::Baseline;
use pyoutliers_cli::messages::{Known, Messenger, to_json};
use refsoak::child::{self, Parent, empty_stdin};
use refsoak::{Prepared, Record, Soak};
use serde_json::json;

/// The meter that `prepare` made; a child of `fork` has it too.
static PREPARED: Mutex<Option<Prepared>> = Mutex::new(None);

/// The arguments of a function.
struct Arguments<'p>(Vec<Owned<'p>>);

impl<'p> Arguments<'p> {
    /// The items of a list.
    fn new(list: &Owned<'p>) -> pyoutliers::Result<Self> {
        let items = convert::vec_from_iterable(list, usize::MAX, |_, item| Ok(item.clone()));
        items.map(Self)
    }

    fn get(&self, index: usize) -> Result<&Owned<'p>> {
        let argument = self.0.get(index);
        argument.ok_or_else(|| anyhow!("argument {index} is missing"))
    }

    fn number(&self, index: usize) -> Result<i64> {
        Ok(capi::long_as_long_long(self.get(index)?)?)
    }

    fn seconds(&self, index: usize) -> Result<Duration> {
        let seconds = capi::float_as_double(self.get(index)?)?;
        Duration::try_from_secs_f64(seconds).map_err(|error| anyhow!("seconds: {error}"))
    }

    fn texts(&self, index: usize) -> Result<Vec<String>> {
        Ok(convert::vec_from_iterable(
            self.get(index)?,
            usize::MAX,
            |_, text| Ok(capi::unicode_to_string(text).unwrap_or_default()),
        )?)
    }

    fn baseline(&self) -> Result<Baseline> {
        let file = capi::unicode_to_string(self.get(0)?);
        let file = file.ok_or_else(|| anyhow!("the name of the file must be valid UTF-8"))?;
        Baseline::read(Path::new(&file))
    }

    /// A closure that calls a Python function without arguments, and releases what it returns.
    fn call(&self, index: usize) -> Result<impl FnMut() -> pyoutliers::Result<()> + use<>> {
        let function = Held::from(self.get(index)?.clone());
        Ok(move || {
            with_python(|py| {
                capi::object_call_function_obj_args(&function.as_borrowed(py), [])?;
                Ok(())
            })
        })
    }
}

/// `[]`: finds all objects, for screenings and soaks in children of this process. Returns an empty text.
fn prepare(_: &Arguments<'_>) -> Result<Vec<String>> {
    let prepared = Prepared::new()?;
    *PREPARED
        .lock()
        .map_err(|_| anyhow!("the meter is broken"))? = Some(prepared);
    Ok(Vec::new())
}

/// `[function]`: screens calls of a function, with the meter that was prepared. Returns JSON.
fn screen(arguments: &Arguments<'_>) -> Result<Vec<String>> {
    let call = arguments.call(0)?;
    let mut prepared = PREPARED
        .lock()
        .map_err(|_| anyhow!("the meter is broken"))?;
    let prepared = match &mut *prepared {
        Some(prepared) => prepared,
        none => none.insert(Prepared::new()?),
    };
    let screened = prepared.screen(call)?;
    let screened = json!({
        "calls": screened.calls,
        "window": screened.window,
        "suspect": screened.is_suspect,
        "cause": screened.cause,
    });
    Ok(vec![screened.to_string()])
}

/// `[function, calls, seconds, allow, sends, hidden, native]`: soaks calls of a function. Returns the report as text and as JSON.
/// With `sends`, sends its progress to the socket that is this process's stdin, and makes stdin empty. `hidden` has the
/// modules whose lines and variables are not named.
fn soak(arguments: &Arguments<'_>) -> Result<Vec<String>> {
    let call = arguments.call(0)?;
    let calls =
        u64::try_from(arguments.number(1)?).map_err(|_| anyhow!("calls must not be negative"))?;
    let mut soak = Soak::new(calls).within(arguments.seconds(2)?);
    for pattern in arguments.texts(3)? {
        soak = soak.allow(&pattern);
    }
    for module in arguments.texts(5)? {
        soak = soak.hide(&module);
    }
    if arguments.number(6)? != 0 {
        soak = soak.native();
    }
    let mut messenger = None;
    if arguments.number(4)? != 0 {
        messenger = Some(Messenger::new(Parent::connect()?));
        empty_stdin()?;
    }
    // The one that was prepared is for the children: they need it once, this process more often.
    let prepared = PREPARED
        .lock()
        .ok()
        .filter(|_| messenger.is_some())
        .and_then(|mut prepared| prepared.take());
    let prepared = prepared.map_or_else(Prepared::new, Ok)?;
    let report = soak.run_prepared(prepared, call, |progress| {
        if let Some(messenger) = &mut messenger {
            messenger.progress(progress);
        }
        ControlFlow::Continue(())
    })?;
    Ok(vec![
        report.to_string(),
        json!(Record::from(&report)).to_string(),
    ])
}

/// `[messages, status, seconds]`: the report of a child that ended before it could report, as text and as JSON. The
/// messages are the lines that it sent; the status is that of `os.waitpid`.
fn death(arguments: &Arguments<'_>) -> Result<Vec<String>> {
    let mut known = Known::default();
    for line in arguments.texts(0)? {
        known.hear_line(&line);
    }
    let status = ExitStatus::from_raw(i32::try_from(arguments.number(1)?)?);
    let seconds = arguments.seconds(2)?;
    let (text, record) = known.death(status, seconds);
    Ok(vec![text, to_json(&record)])
}

/// `[process]`: returns 1 if a thread of the process runs or waits for a processor, else 0; and the seconds of processor
/// time that the process has used.
fn activity(arguments: &Arguments<'_>) -> Result<Vec<String>> {
    let (works, used) = child::activity(u32::try_from(arguments.number(0)?)?);
    Ok(vec![
        u8::from(works).to_string(),
        used.as_secs_f64().to_string(),
    ])
}

/// `[file, outcomes]`: judges leaks and over-releases, each as JSON, by the file of known findings. Returns for each
/// `known`, `worse` or `new`, or nothing if there is no file yet; and the reasons.
fn judge(arguments: &Arguments<'_>) -> Result<Vec<String>> {
    let baseline = arguments.baseline()?;
    let mut judged = Vec::new();
    for outcome in arguments.texts(1)? {
        let found = baseline.judge(&serde_json::from_str(&outcome)?);
        let (name, reasons) = found.map_or(("", Vec::new()), |found| (found.name, found.reasons));
        judged.extend([name.into(), reasons.join("; ")]);
    }
    Ok(judged)
}

/// `[file, outcomes]`: ends a run, whose outcomes are JSON, with its file of known findings. Returns what to print.
fn end(arguments: &Arguments<'_>) -> Result<Vec<String>> {
    let outcomes = arguments.texts(1)?;
    let outcomes = outcomes.iter().map(|text| serde_json::from_str(text));
    arguments
        .baseline()?
        .end(&outcomes.collect::<Result<Vec<_>, _>>()?)
}

/// `[program, arguments]`: runs `python -m refsoak`. `program` is the command that does this. Returns the exit status.
fn main(arguments: &Arguments<'_>) -> Result<Vec<String>> {
    let words = |texts: Vec<String>| texts.into_iter().map(OsString::from).collect();
    let called = Called {
        name: "python -m refsoak",
        program: words(arguments.texts(0)?),
        arguments: words(arguments.texts(1)?),
    };
    // Threads of the lessons take the lock while this thread waits for them.
    let code = init::without_lock(|| pyoutliers_cli::run_in_python(called));
    // An `ExitCode` does not show its number in any other way.
    let code = (0..=u8::MAX).find(|&number| ExitCode::from(number) == code);
    Ok(vec![code.unwrap_or(1).to_string()])
}
