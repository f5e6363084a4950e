//! `--reproducer FILE.py`: a script that shows a leak in plain Python.
//!
//! A Python process of its own makes the script and runs it. Only this process writes the file.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use pyoutliers::interpreter;
use refsoak::Record;
use serde::Deserialize;
use serde_json::{Value, json};

use super::overwrite;

/// The program that makes the script. The second file uses what the first defines.
const PROGRAM: &str = concat!(include_str!("source.py"), "\n\n", include_str!("proof.py"));

/// What Python answers.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Script(String),
    /// Why there is none.
    Refused(String),
}

/// Writes a script that reproduces what a soak of `source` found. Returns why nothing was written, if so.
pub fn write(file: &Path, source: &Value, report: &Record) -> Result<Option<String>> {
    if !matches!(&*report.verdict, "leak" | "over-release" | "died") {
        return Ok(Some(format!("the verdict is {}", report.verdict)));
    }
    let draft = overwrite::draft(file)?;
    let (Some(name), Some(draft)) = (file.to_str(), draft.to_str()) else {
        bail!("the name must be valid UTF-8");
    };
    match ask(&json!({"source": source, "report": report, "file": name, "draft": draft}))? {
        Answer::Refused(reason) => Ok(Some(reason)),
        Answer::Script(script) => {
            let written = overwrite::replace(file, script.as_bytes());
            written.with_context(|| file.display().to_string())?;
            Ok(None)
        }
    }
}

fn ask(asked: &Value) -> Result<Answer> {
    let mut python = Command::new(interpreter::choice()?.python);
    python.args(["-c", PROGRAM]);
    python.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = python.stdin.take() {
        stdin.write_all(asked.to_string().as_bytes())?;
    }
    let output = python.wait_with_output()?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{}", stderr.lines().last().unwrap_or("Python died"));
    }
    let answer = String::from_utf8_lossy(&output.stdout);
    // What is imported may print something before.
    let answer = answer.lines().last().unwrap_or_default();
    serde_json::from_str(answer).map_err(|error| anyhow!("Python answered {answer:?}: {error}"))
}
