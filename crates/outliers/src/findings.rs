//! What a record has found, in words that are the same in the next run.

use std::env;
use std::path::Path;

use refsoak::{Counter, Finding, Record, ReferenceRecord};

/// What the record of a test or statement has found: in words that are the same in the next run, with its counter, and
/// how much grows or falls per call.
pub fn findings(record: &Record, name: &str) -> Vec<(String, Counter, f64)> {
    let is_bad = |finding| matches!(finding, Finding::Leak | Finding::OverRelease);
    let rows = record.references.iter().chain(&record.items);
    let rows = rows.filter(|row| row.finding.is_some_and(is_bad));
    let mut found: Vec<_> = rows.filter_map(named).collect();
    for (what, _, _) in &mut found {
        // A variable of a statement is not that of another.
        if what.contains("__soak__.") {
            *what = format!("{} in {name}", what.replace("__soak__.", ""));
        }
    }
    // A fault with an argument: `the function releases its argument too often, 4 times in 4 watched calls`.
    for fault in &record.arguments {
        let fault = fault.split(',').next().unwrap_or_default();
        found.push((format!("{fault}: {name}"), Counter::References, 1.0));
    }
    let counters = record.counters.iter();
    for counter in counters.filter(|counter| is_bad(counter.finding)) {
        let is_of_memory = matches!(
            counter.name,
            Counter::Tracked
                | Counter::TotalReferences
                | Counter::CHeap
                | Counter::RustHeap
                | Counter::OutsideMalloc
        );
        let is_by_object = matches!(
            counter.name,
            Counter::References | Counter::Types | Counter::Items
        );
        // What is named takes memory too.
        if found.is_empty() || !is_of_memory && !is_by_object {
            let place = record
                .grown
                .iter()
                .find_map(|text| place(text, &counter.unit));
            let at = place.map_or(String::new(), |place| format!(" at {place}"));
            found.push((
                in_direction(format!("{}{at}", counter.name), counter.finding),
                counter.name,
                counter.per_call.abs(),
            ));
        }
    }
    found
}

/// `references to object <object object>, which is module.NAME`, or `items of module.NAME`.
fn named(row: &ReferenceRecord) -> Option<(String, Counter, f64)> {
    let counter = row.counter?;
    let variable = row.variable.as_deref().unwrap_or_default();
    let what = match (counter, variable) {
        // What it shows may be some of its items.
        (Counter::Items, "") => {
            let kind = row.object.split(' ').next().unwrap_or_default();
            format!("items of a {kind}")
        }
        (Counter::Items, _) => format!("items of {variable}"),
        (_, "") => format!("references to {}", without_addresses(&row.object)),
        _ => format!(
            "references to {}, which is {variable}",
            without_addresses(&row.object)
        ),
    };
    Some((
        in_direction(what, row.finding?),
        counter,
        row.per_call?.abs(),
    ))
}

/// A leak that is known does not excuse an over-release of the same object.
fn in_direction(what: String, finding: Finding) -> String {
    match finding {
        Finding::OverRelease => format!("over-released: {what}"),
        _ => what,
    }
}

/// `file.py: code` of `/here/file.py:12: +1 block per call: code`, if the line is about this unit. Without the number
/// of the line, which changes with the lines above.
fn place(text: &str, unit: &str) -> Option<String> {
    let (line, rest) = text.split_once(": +")?;
    let (amount, code) = rest.split_once(" per call")?;
    let (file, _) = line.rsplit_once(':')?;
    let code = code.split_once(": ").map_or("", |(_, code)| code);
    let here = env::current_dir().unwrap_or_default();
    let file = match file.rsplit_once("-packages/") {
        Some((_, file)) => file,
        None => Path::new(file)
            .strip_prefix(&here)
            .ok()
            .and_then(Path::to_str)
            .unwrap_or(file),
    };
    amount.contains(unit).then(|| format!("{file}: {code}"))
}

/// Without ` at 0x7f12345678`, which differs in the next run.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split(" at 0x");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_digit = |c: char| c.is_ascii_hexdigit();
        let part = part.trim_start_matches(is_digit);
        // A long text has dots in the middle, perhaps in the address.
        let part = part.strip_prefix("...").map_or(part, |rest| {
            let after = rest.trim_start_matches(is_digit);
            if after.starts_with(['>', ',']) {
                after
            } else {
                rest
            }
        });
        result.push_str(part);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{place, without_addresses};

    #[test]
    fn a_finding_has_no_addresses_and_no_numbers_of_lines() {
        let thing = "function <function f at 0x7f78eb95ef20>, code <code object f at 0x7f2...af70>";
        let same = "function <function f>, code <code object f>";
        assert_eq!(without_addresses(thing), same);
        let line = "/venv/site-packages/package/a.py:36: +2 blocks per call: return call(x)";
        let expected = Some("package/a.py: return call(x)".into());
        assert_eq!(place(line, "block"), expected);
        assert_eq!(place(line, "open file"), None);
        assert_eq!(place("+1 object of type T per call", "block"), None);
    }
}
