//! The calls of a lesson as one function in C, in which the page marks the current line.

use std::collections::BTreeSet;

use serde::Serialize;

/// A function in C, without the checks that each call needs.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    lines: Vec<String>,
    /// The index of each step's line.
    marked: Vec<usize>,
}

impl Listing {
    /// `calls` are those of the steps. An empty one belongs to the line before it.
    pub(crate) fn new(name: &str, calls: &[&str]) -> Self {
        let all: Vec<_> = calls.iter().flat_map(|call| statements(call)).collect();
        let mut variables: Vec<&str> = Vec::new();
        for variable in all.iter().filter_map(|statement| assigned(statement)) {
            if !variables.contains(&variable) {
                variables.push(variable);
            }
        }
        let declared = |name: &str| {
            let is_its_name = |statement: &String| {
                statement.contains(&format!(" {name} = "))
                    || statement.contains(&format!("*{name} = "))
            };
            variables.contains(&name) || all.iter().any(is_its_name)
        };
        let given: BTreeSet<_> = all
            .iter()
            .flat_map(|statement| arguments(statement))
            .collect();
        let given: Vec<_> = given
            .into_iter()
            .filter(|name| !declared(name))
            .map(|name| format!("PyObject *{name}"))
            .collect();
        let returns = all.iter().any(|statement| statement.starts_with("return "));
        let mut lines = vec![format!(
            "{}{}({})",
            if returns { "PyObject *" } else { "void " },
            name.replace('-', "_"),
            if given.is_empty() {
                "void".into()
            } else {
                given.join(", ")
            },
        )];
        lines.push("{".into());
        if !variables.is_empty() {
            lines.push(format!("    PyObject *{};", variables.join(", *")));
        }
        let mut marked = Vec::new();
        for call in calls {
            if !call.is_empty() {
                let end = if statements(call).is_empty() { "" } else { ";" };
                // The `;` stands before a comment at the end.
                lines.push(match call.split_once(" /*") {
                    Some((code, comment)) if !code.ends_with("*/") => {
                        format!("    {code}{end} /*{comment}")
                    }
                    _ => format!("    {call}{end}"),
                });
            }
            marked.push(lines.len() - 1);
        }
        lines.push("}".into());
        Self { lines, marked }
    }
}

/// The statements of a call, without comments and texts.
fn statements(call: &str) -> Vec<String> {
    let mut code = String::new();
    for (index, part) in call.split("/*").enumerate() {
        code += if index == 0 {
            part
        } else {
            part.split_once("*/").map_or("", |(_, rest)| rest)
        };
    }
    let code: String = code.split('"').step_by(2).collect();
    let statements = code
        .split(';')
        .map(str::trim)
        .filter(|code| !code.is_empty());
    statements.map(str::to_owned).collect()
}

/// The variable that a statement like `item = ...` assigns.
fn assigned(statement: &str) -> Option<&str> {
    let (name, _) = statement.split_once(" = ")?;
    name.chars().all(is_of_name).then_some(name)
}

/// The variables that a statement passes or returns.
fn arguments(statement: &str) -> impl Iterator<Item = &str> {
    let passed = statement.split(['(', ',', ')']).skip(1);
    let all = passed
        .chain(statement.strip_prefix("return "))
        .map(str::trim);
    all.filter(|name| name.starts_with(char::is_lowercase) && name.chars().all(is_of_name))
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
