//! The tables, in Markdown.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};

use crate::instructions::Instructions;
use crate::machine::Machine;
use crate::measure::{OURS, Plan, Results, WAYS};
use crate::numbers::{count, number, time};
use crate::threads::Comparison;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- measured: written by benches/run -->\n";
const END: &str = "<!-- end -->\n";

/// Everything that was measured.
#[derive(Debug)]
pub struct Report<'a> {
    pub plans: &'a [Plan],
    pub results: &'a Results,
    pub threads: &'a [Comparison],
    pub instructions: Option<&'a [Instructions]>,
    pub machine: &'a Machine,
}

impl Report<'_> {
    /// All tables, as the page shows them.
    pub fn markdown(&self) -> Result<String> {
        let mut text = String::new();
        let Machine { short, versions } = self.machine;
        writeln!(text, "Measured {short}. {versions}.\n")?;
        self.overview(&mut text)?;
        self.threads(&mut text)?;
        self.instructions(&mut text)?;
        self.details(&mut text)?;
        Ok(text)
    }

    fn overview(&self, text: &mut String) -> Result<()> {
        writeln!(text, "## Time per call\n")?;
        writeln!(
            text,
            "Medians. The number in brackets is the ratio to ours.\n"
        )?;
        write!(text, "| values |")?;
        for plan in self.plans {
            write!(text, " {} |", count(plan.size))?;
        }
        writeln!(text, "\n|---|{}", "---:|".repeat(self.plans.len()))?;
        for &way in WAYS {
            write!(text, "| {way} |")?;
            for plan in self.plans {
                match self.results.get(plan.size, way) {
                    Some(times) if way == OURS => write!(text, " {} |", time(times.median()))?,
                    Some(times) => {
                        let ratio = self.results.ratio(plan.size, way, OURS);
                        let ratio = ratio.context("ours is always measured")?.median;
                        write!(text, " {} ({}) |", time(times.median()), number(ratio))?;
                    }
                    None => write!(text, " |")?,
                }
            }
            writeln!(text)?;
        }
        writeln!(text)?;
        Ok(())
    }

    fn threads(&self, text: &mut String) -> Result<()> {
        writeln!(text, "## Threads\n")?;
        writeln!(
            text,
            "Ratios of calls per second, unless the row says otherwise: the median of the rounds.\n"
        )?;
        writeln!(text, "| | ratio |")?;
        writeln!(text, "|---|---:|")?;
        for comparison in self.threads {
            let ratio = number(comparison.ratio());
            writeln!(text, "| {} | {ratio} |", comparison.text)?;
        }
        writeln!(text)?;
        Ok(())
    }

    fn instructions(&self, text: &mut String) -> Result<()> {
        writeln!(text, "## Instructions per call\n")?;
        let Some(instructions) = self.instructions else {
            writeln!(text, "Not counted in this run.\n")?;
            return Ok(());
        };
        writeln!(
            text,
            "Counted by callgrind, with the function that does nothing.\n"
        )?;
        writeln!(text, "| values | ours | plain C | ours / plain C |")?;
        writeln!(text, "|---:|---:|---:|---:|")?;
        for Instructions { size, ours, c } in instructions {
            let ratio = number(float(*ours) / float(*c));
            writeln!(text, "| {} | {ours} | {c} | {ratio} |", count(*size))?;
        }
        writeln!(text)?;
        Ok(())
    }

    fn details(&self, text: &mut String) -> Result<()> {
        writeln!(text, "## Minimum, median, spread\n")?;
        writeln!(
            text,
            "The spread is the interquartile range, as a percentage of the median. The ratio to ours is \
             the median of the rounds' ratios.\n"
        )?;
        for plan in self.plans {
            let size = count(plan.size);
            writeln!(
                text,
                "<details><summary>Values: {size}</summary>\n\nRounds: {}. Calls per sample: {}.\n",
                plan.rounds, plan.calls
            )?;
            writeln!(
                text,
                "| | minimum | median | spread | ratio to ours | ratio of the minima |"
            )?;
            writeln!(text, "|---|---:|---:|---:|---:|---:|")?;
            for (way, times) in self.results.at(plan.size) {
                let ratio = self.results.ratio(plan.size, way, OURS);
                let ratio = ratio.context("ours is always measured")?;
                writeln!(
                    text,
                    "| {way} | {} | {} | {:.0} % | {} | {} |",
                    time(times.minimum()),
                    time(times.median()),
                    times.spread() * 100.0,
                    number(ratio.median),
                    number(ratio.minimum),
                )?;
            }
            writeln!(text, "\n</details>\n")?;
        }
        Ok(())
    }
}

/// Puts the tables between the marks of the page, and keeps its prose.
pub fn write_page(markdown: &str) -> Result<()> {
    let page = fs::read_to_string(PAGE).context(PAGE)?;
    let (before, rest) = page
        .split_once(BEGIN)
        .context("the page has no beginning mark")?;
    let (_, after) = rest.split_once(END).context("the page has no end mark")?;
    let page = format!("{before}{BEGIN}\n{markdown}{END}{after}");
    fs::write(PAGE, page).context(PAGE)
}

#[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
fn float(count: u64) -> f64 {
    count as f64
}
