//! The options that name a Python function and its parameters.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use pyoutliers::{Outliers, Parameter};
use serde_json::{Value, json};

use super::argument::text;

#[derive(Args)]
pub struct Callee {
    /// Call this function, which takes a list of floats
    /// and returns ints
    #[arg(
        short,
        long,
        value_name = "MODULE:NAME|FILE.py:NAME",
        default_value = "pyoutliers:detect",
        value_parser = text::<Function>(),
        verbatim_doc_comment
    )]
    pub function: Function,
    #[command(flatten)]
    settings: Settings,
}

impl Callee {
    pub fn find(&self) -> pyoutliers::Result<Outliers> {
        self.settings.find(&self.function)
    }

    /// What a script needs to call the function with a list of this size.
    pub fn source(&self, size: u32) -> Value {
        let settings = self.settings.settings.iter();
        let settings =
            settings.map(|Setting { name, value }| format!("{name}={}", source(parameter(value))));
        let Function { module, function } = &self.function;
        json!({"function": {
            "module": module,
            "name": function,
            "settings": settings.collect::<Vec<_>>(),
            "size": size,
        }})
    }
}

/// Parameters of a function.
#[derive(Args)]
pub struct Settings {
    /// Pass a parameter to the function, such as threshold=3. VALUE is
    /// an int, a float or a bool if it looks like one, else a string
    #[arg(
        short,
        long = "set",
        value_name = "NAME=VALUE",
        value_parser = text::<Setting>(),
        verbatim_doc_comment
    )]
    settings: Vec<Setting>,
}

impl Settings {
    pub fn find(&self, Function { module, function }: &Function) -> pyoutliers::Result<Outliers> {
        let found = Outliers::new(module, function)?;
        let mut settings = self.settings.iter();
        settings.try_fold(found, |found, Setting { name, value }| {
            found.with(name, parameter(value))
        })
    }
}

/// `MODULE:NAME`, or `FILE.py:NAME`.
#[derive(Clone)]
pub struct Function {
    pub module: String,
    pub function: String,
}

impl FromStr for Function {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.rsplit_once(':') {
            Some((module, function)) if !module.is_empty() && !function.is_empty() => Ok(Self {
                module: module.into(),
                function: function.into(),
            }),
            _ => Err("write MODULE:NAME or FILE.py:NAME, such as pyoutliers:detect"),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.module, self.function)
    }
}

/// `NAME=VALUE`.
#[derive(Clone)]
struct Setting {
    name: String,
    value: String,
}

impl FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.into(),
                value: value.into(),
            }),
            _ => Err("write NAME=VALUE, such as threshold=3"),
        }
    }
}

/// A parameter as Python source.
fn source(parameter: Parameter<'_>) -> String {
    match parameter {
        Parameter::Int(int) => int.to_string(),
        Parameter::Float(float) if float.is_finite() => format!("{float:?}"),
        Parameter::Float(float) => format!("float(\"{float}\")"),
        Parameter::Bool(truth) => if truth { "True" } else { "False" }.into(),
        // A string of JSON is one of Python too.
        Parameter::Text(text) => json!(text).to_string(),
        _ => String::new(),
    }
}

/// Converts a text to an int, a float or a bool if it looks like one; else it stays a string.
fn parameter(value: &str) -> Parameter<'_> {
    if let Ok(int) = value.parse::<i64>() {
        int.into()
    } else if let Ok(float) = value.parse::<f64>() {
        float.into()
    } else if let Ok(truth) = value.parse::<bool>() {
        truth.into()
    } else {
        value.into()
    }
}
