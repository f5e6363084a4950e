//! Measures this crate and its peers, interleaved in one run. Run by `benches/run`; see README.md.

mod chart;
mod data;
mod instructions;
mod machine;
mod measure;
mod numbers;
mod report;
mod statistics;
mod threads;
mod ways;

use std::time::Duration;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => full(),
        ["--quick"] => quick(),
        ["--threads"] => threads_alone(""),
        ["--threads", part] => threads_alone(part),
        [ways::APART, way] => ways::serve(way),
        [instructions::ARGUMENT, way, size, calls] => instructions::make_calls(way, size, calls),
        _ => bail!("usage: benches/run [--quick | --threads [PART]]"),
    }
}

/// Measures everything, and writes the page and the chart.
fn full() -> Result<()> {
    ways::start_python()?;
    let machine = machine::describe()?;
    let results = measure::measure(measure::FULL)?;
    let threads = threads::measure(20, Duration::from_millis(150), "")?;
    let instructions = instructions::count()?;
    let report = report::Report {
        plans: measure::FULL,
        results: &results,
        threads: &threads,
        instructions: instructions.as_deref(),
        machine: &machine,
    };
    let markdown = report.markdown()?;
    print!("{markdown}");
    report::write_page(&markdown)?;
    chart::write(measure::FULL, &results, &machine.short)
}

/// Checks that everything runs and that all ways return the same indices; writes nothing.
fn quick() -> Result<()> {
    ways::start_python()?;
    let machine = machine::describe()?;
    let results = measure::measure(measure::QUICK)?;
    let threads = threads::measure(1, Duration::from_millis(50), "")?;
    eprintln!("SKIPPED in the quick mode: more than 10,000 values; counting instructions");
    let report = report::Report {
        plans: measure::QUICK,
        results: &results,
        threads: &threads,
        instructions: None,
        machine: &machine,
    };
    print!("{}", report.markdown()?);
    println!("all ways return the same indices; the times above are rough");
    Ok(())
}

/// Measures the comparisons of threads whose text contains `part`; writes nothing.
fn threads_alone(part: &str) -> Result<()> {
    ways::start_python()?;
    for comparison in threads::measure(5, Duration::from_millis(100), part)? {
        println!("{:.2} {}", comparison.ratio(), comparison.text);
    }
    Ok(())
}
