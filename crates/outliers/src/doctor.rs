//! `outliers doctor`: which Python is used and why, and how to fix problems.

use std::ffi::CStr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use lessons::Compiled;
use pyoutliers::capi::{self, Owned};
use pyoutliers::{Outliers, Python, gen_testdata, interpreter, with_python};
use serde_json::Value;

use super::output::{line, print};

#[derive(Args)]
pub struct Arguments {
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// The report, in the order in which it is printed.
#[derive(Default)]
struct Report {
    rows: Vec<(&'static str, String)>,
    /// One line per problem: what is wrong, and how to fix it.
    problems: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let report = examine();
    print(&if arguments.json {
        format!("{:#}\n", report.to_json())
    } else {
        report.to_text()
    })?;
    Ok(if report.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Report {
    fn row(&mut self, name: &'static str, value: impl ToString) {
        self.rows.push((name, value.to_string()));
    }

    fn to_text(&self) -> String {
        let rows = self
            .rows
            .iter()
            .map(|(name, value)| format!("{name:<10} {}\n", line(value)));
        let problems = self
            .problems
            .iter()
            .map(|problem| format!("problem    {}\n", line(problem)));
        let end = if self.problems.is_empty() {
            "no problems found\n"
        } else {
            ""
        };
        rows.chain(problems).chain([end.to_owned()]).collect()
    }

    fn to_json(&self) -> Value {
        let mut object: serde_json::Map<_, _> = self
            .rows
            .iter()
            .map(|(name, value)| (name.replace(' ', "_"), value.as_str().into()))
            .collect();
        object.insert("problems".into(), self.problems.clone().into());
        object.insert("ok".into(), self.problems.is_empty().into());
        object.into()
    }
}

fn examine() -> Report {
    let mut report = Report::default();
    if let Ok(choice) = interpreter::choice() {
        report.row(
            "python",
            format_args!("{} at {}", choice.version, choice.python.display()),
        );
        report.row("chosen by", choice.rule);
    }
    let loaded = interpreter::loaded();
    #[cfg(not(feature = "extension-module"))]
    {
        let built = interpreter::built_for();
        report.row(
            "built for",
            format_args!("{} in {}", built.version, built.path.display()),
        );
    }
    if loaded.path != Path::new("") {
        report.row(
            "loaded",
            format_args!("{} from {}", loaded.version, loaded.path.display()),
        );
    }
    if let Err(problem) = examine_python(&mut report) {
        report.problems.push(problem.to_string());
    }
    report
}

/// Adds rows until the first error, and returns it as the problem.
fn examine_python(report: &mut Report) -> Result<()> {
    let prefix = with_python(|py| {
        let sys = capi::import_module(py, c"sys")?;
        text(&sys, c"prefix")
    })?;
    report.row("prefix", prefix);
    let numpy = with_python(numpy)?;
    report.row("numpy", numpy.as_deref().unwrap_or("none"));
    // Only the exercises need it.
    let compiler = Compiled::compiler();
    report.row(
        "compiler",
        compiler.unwrap_or_else(|error| format!("none for the exercises: {error}")),
    );
    // The Python package installs NumPy only on request, and only the demo needs it.
    if cfg!(feature = "extension-module") && numpy.is_none() {
        return Ok(());
    }
    let indices = Outliers::new("pyoutliers", "detect")?.detect(&gen_testdata()?)?;
    report.row("demo", format_args!("{indices:?}"));
    ensure!(
        indices == [7, 113, 835],
        "the demo must print [7, 113, 835]; does PYTHONPATH or a sitecustomize replace random or \
         numpy?"
    );
    Ok(())
}

/// The version and the file of NumPy, if there is one.
fn numpy(py: Python<'_>) -> pyoutliers::Result<Option<String>> {
    let util = capi::import_module(py, c"importlib.util")?;
    let find = capi::object_get_attr_string(&util, c"find_spec")?;
    let spec = capi::object_call_function_obj_args(&find, [&capi::unicode_from_str(py, "numpy")?])?;
    let file = text(&spec, c"origin").unwrap_or_default();
    if file.is_empty() {
        return Ok(None);
    }
    Ok(Some(match capi::import_module(py, c"numpy") {
        Ok(numpy) => format!("{} in {file}", text(&numpy, c"__version__")?),
        // The demo fails with the same error, and says how to fix it.
        Err(_) => format!("fails to import, in {file}"),
    }))
}

/// The text of an attribute, or nothing if the attribute is not a string.
fn text(object: &Owned<'_>, name: &CStr) -> pyoutliers::Result<String> {
    let attribute = capi::object_get_attr_string(object, name)?;
    Ok(capi::unicode_to_string(&attribute).unwrap_or_default())
}
