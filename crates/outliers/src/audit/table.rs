//! What `outliers audit` prints: its table as text and as JSON.

use std::time::Duration;

use serde_json::json;

use super::super::called;
use super::state::Audit;

impl Audit {
    pub fn to_json(&self, module: &str, time: Duration, is_interrupted: bool) -> String {
        let json = json!({
            "called": self.called,
            "compiled": self.compiled,
            "interrupted": is_interrupted,
            "left_out": self.left_out,
            "masked": self.masked,
            "module": module,
            "rows": self.rows,
            "schema": 1,
            "seconds": time.as_secs_f64(),
            "slow": self.slow,
            "undecided": self.undecided,
            "unreached": self.unreached,
        });
        format!("{json:#}\n")
    }

    pub fn to_text(&self, module: &str, time: Duration, is_interrupted: bool) -> String {
        let calls: u64 = self.called.values().sum();
        let found = match self.rows.len() {
            rows if is_interrupted => format!("interrupted, with findings so far: {rows},"),
            0 => "nothing leaks, dies or hangs".into(),
            1 => "1 finding".into(),
            rows => format!("{rows} findings"),
        };
        let mut text = format!(
            "{module}: {found} in {calls} calls of {} functions, methods and types\n",
            self.called.len()
        );
        for row in &self.rows {
            text += &format!(
                "\n{:<12} {}\n{:12} {}\n",
                row.verdict, row.call.statement, "", row.what
            );
            for line in row.report.iter().flat_map(|report| &report.native) {
                text += &format!("{:12} {line}\n", "");
            }
            text += &format!("{:12} {}\n", "", row.command);
            if let Some(file) = &row.reproducer {
                text += &format!("{:12} {file}\n", "");
            }
        }
        text += "\n";
        let mut list = |names: &mut dyn Iterator<Item = &String>, why: &str| {
            let names: Vec<_> = names.map(String::as_str).collect();
            if !names.is_empty() {
                text += &format!("{} {why}: {}\n", names.len(), names.join(", "));
            }
        };
        list(&mut self.undecided.iter(), "without a verdict");
        list(
            &mut self.left_out.iter(),
            "not called, because of their names: they may touch files or processes, or wait",
        );
        list(
            &mut self.masked.iter(),
            "without a verdict, because their arguments or their instance leak",
        );
        list(
            &mut self.slow.iter(),
            "without a verdict, because a call takes too long",
        );
        list(
            &mut self.unreached.iter(),
            "accept no plain arguments, so that only their errors were tried",
        );
        text + &format!("{:.1} s\n", time.as_secs_f64())
    }

    pub fn why_nothing(&self, module: &str) -> String {
        let outliers = called::name();
        match (self.compiled.is_empty(), self.others.first()) {
            (false, _) if self.left_out.is_empty() => {
                format!("{module} is compiled, but has no public function or type")
            }
            (false, _) => {
                let names: Vec<_> = self.left_out.iter().map(String::as_str).collect();
                let why = "all that it has may touch files or processes, as the names say";
                format!("nothing in {module} is called: {why}: {}", names.join(", "))
            }
            (true, Some(other)) => format!(
                "{module} is written in Python, and uses compiled modules: {}; try {outliers} audit {other}",
                self.others.join(", ")
            ),
            (true, None) => {
                format!("{module} is written in Python: --python calls its functions and types")
            }
        }
    }
}
