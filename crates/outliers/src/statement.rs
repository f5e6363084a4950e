//! A Python statement to soak, as the module `timeit` takes one.

use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Error, Result};
use clap::Args;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::{interpreter, with_python};
use refsoak::{Sweep, starve};
use serde_json::{Value, json};

use super::argument::text;

/// The most allocations of a statement that are made to fail.
const MOST: u64 = 3000;

#[derive(Args)]
pub struct Inputs {
    /// Soak this statement instead of a function, such as
    /// 'json.dumps(X)'; its variables stay between calls
    #[arg(
        value_name = "STATEMENT",
        value_parser = text::<Source>(),
        conflicts_with_all = ["function", "size", "settings"],
        verbatim_doc_comment
    )]
    pub statement: Option<Source>,
    /// Run this once before: 'import json; X = {"a": 1}'
    #[arg(long, requires = "statement", default_value = "", hide_default_value = true, value_parser = text::<String>())]
    setup: String,
    /// Soak the path on which the statement raises an exception; it is an
    /// error if it raises none
    #[arg(long, requires = "statement", verbatim_doc_comment)]
    raises: bool,
    /// In each call, make every allocation of the statement fail in turn,
    /// as if memory ran out; errors of the statement are ignored
    #[arg(
        long,
        requires = "statement",
        conflicts_with = "raises",
        verbatim_doc_comment
    )]
    pub starve: bool,
}

impl Inputs {
    /// What to try after an error of the statement. Nothing after an error of the setup.
    pub fn advice(&self, error: &Error) -> Option<&'static str> {
        let error = match error.downcast_ref()? {
            refsoak::Error::Python(error) => error,
            _ => return None,
        };
        let exception = error.exception()?;
        if self.statement.is_none() || !exception.traceback().contains("File \"<statement>\"") {
            return None;
        }
        match exception.type_name() {
            // The setup may import it; if there is one, the name is probably misspelt.
            "NameError" => self.setup.is_empty().then_some(
                "import what the statement uses with --setup, such as --setup 'import json'",
            ),
            _ if self.raises => None,
            _ => Some("to soak the path that raises an exception, add --raises"),
        }
    }

    /// The source of the statement, for a script.
    pub fn source(&self, Source(statement): &Source) -> Value {
        json!({"setup": self.setup, "statement": statement, "raises": self.raises})
    }
}

/// The source of a statement.
#[derive(Clone)]
pub struct Source(pub String);

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_one_word = !text.contains(char::is_whitespace);
        let is_file = text.ends_with(".py") && Path::new(text).is_file();
        if is_file || is_one_word && text.contains(".py::") {
            return Err(
                "this is not a statement: 'pytest --soak' soaks tests (see the wheel refsoak)",
            );
        }
        if is_one_word && text.contains(".py:") {
            return Err("this is not a statement: name a function with '--function'");
        }
        Ok(Self(text.into()))
    }
}

/// A statement that is compiled.
pub struct Statement {
    function: Held,
    sweep: Option<Sweep>,
}

impl Statement {
    /// Runs the setup, and compiles the statement.
    pub fn new(Source(statement): &Source, arguments: &Inputs) -> Result<Self> {
        let raises = if arguments.raises { "raises" } else { "" };
        let function = with_python(|py| {
            let (name, file) = (c"_outliers_statement", c"<outliers>/statement.py");
            let module = interpreter::module(py, name, file, include_str!("statement.py"))?;
            let mut texts = capi::list_new(py, 3)?;
            for (index, text) in [&*arguments.setup, &**statement, raises]
                .into_iter()
                .enumerate()
            {
                capi::list_set_item(&mut texts, index, capi::unicode_from_str(py, text)?)?;
            }
            let prepared = capi::object_get_attr_string(&module, c"prepared")?;
            let texts: Owned<'_> = texts.finish()?;
            Ok(capi::object_call_function_obj_args(&prepared, [&texts])?.into())
        })?;
        let sweep = arguments.starve.then(Sweep::new).transpose()?;
        Ok(Self { function, sweep })
    }

    /// Runs the statement once; with `--starve`, once for each allocation that fails.
    pub fn run(&self) -> pyoutliers::Result<()> {
        let Some(sweep) = &self.sweep else {
            return self.call();
        };
        sweep.each(1..MOST, |number| {
            let (_, made) = starve(number..=number, || self.call())?;
            Ok(if made < number {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
    }

    fn call(&self) -> pyoutliers::Result<()> {
        with_python(|py| {
            capi::object_call_function_obj_args(&self.function.as_borrowed(py), [])?;
            Ok(())
        })
    }
}
