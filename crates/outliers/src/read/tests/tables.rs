//! Generates tables whose values and errors are known.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A text, and what must be read from it.
#[derive(Clone, Debug)]
pub struct Table {
    pub text: Vec<u8>,
    pub column: Option<String>,
    pub values: Vec<f64>,
    /// How the error begins, if one is expected.
    pub error: Option<String>,
}

/// How a table is written.
#[derive(Clone, Debug)]
struct Style {
    mark: bool,
    end: &'static str,
    last_end: bool,
    delimiter: char,
    /// The number of columns before and after the wanted one. Without other columns, the text is not CSV.
    before: usize,
    after: usize,
    header: bool,
    /// Whether the column is wanted by name instead of by number.
    by_name: bool,
}

/// A value, how it is written, and the fields around it.
#[derive(Clone, Debug)]
struct Row {
    value: f64,
    form: usize,
    quoted: bool,
    blank_before: usize,
    others: Vec<usize>,
}

/// The fields of other columns, as in CSV. `|` becomes the table's end of a line.
const OTHERS: [&str; 7] = [
    "a",
    "",
    "7",
    "\"a,b;c\td\"",
    "\"say \"\"x\"\"\"",
    "\"one|two\"",
    "é ü",
];
const WORDS: [&str; 8] = ["", "n/a", "x", "1.2.3", "1 000", "0x1F", "--1", "1e"];

fn style() -> impl Strategy<Value = Style> {
    let layout = (select(&[',', ';', '\t']), 0..4_usize, 0..3_usize);
    let end = select(&["\n", "\r\n", "\r"]);
    (any::<[bool; 4]>(), end, layout).prop_map(
        |([mark, last_end, header, by_name], end, (delimiter, before, after))| Style {
            mark,
            end,
            last_end,
            delimiter,
            before,
            after,
            header,
            by_name,
        },
    )
}

fn row() -> impl Strategy<Value = Row> {
    let value = prop_oneof![
        any::<u64>()
            .prop_map(f64::from_bits)
            .prop_filter("not NaN", |value| !value.is_nan()),
        (-1_000_000..1_000_000_i32).prop_map(|value| f64::from(value) / 100.0),
    ];
    let blank_before = prop_oneof![5 => Just(0), 1 => 1..4_usize];
    let others = vec(0..OTHERS.len(), 6);
    (value, 0..4_usize, any::<bool>(), blank_before, others).prop_map(
        |(value, form, quoted, blank_before, others)| Row {
            value,
            form,
            quoted,
            blank_before,
            others,
        },
    )
}

pub fn table() -> impl Strategy<Value = Table> {
    let wrong = prop::option::of((any::<Index>(), select(&WORDS)));
    (style(), vec(row(), 1..30), wrong).prop_map(|(style, rows, wrong)| write(&style, &rows, wrong))
}

fn write(style: &Style, rows: &[Row], wrong: Option<(Index, &str)>) -> Table {
    let is_csv = style.before + style.after > 0;
    let header = is_csv && (style.header || style.by_name);
    let mut text = String::from(if style.mark { "\u{feff}" } else { "" });
    let mut line = 1;
    let join = |fields: Vec<String>| fields.join(&style.delimiter.to_string());
    if header {
        let mut names: Vec<_> = (0..style.before + 1 + style.after)
            .map(|index| format!("name{}", char::from(b'a' + u8::try_from(index).unwrap())))
            .collect();
        names[style.before] = "\"the value\"".into();
        text += &(join(names) + style.end);
        line += 1;
    }
    let wrong = wrong.map(|(at, word)| {
        let at = at.index(rows.len());
        // Without columns, an empty word makes a blank line, and a space begins another number. In the
        // first record, a name is a header.
        let is_another = !is_csv && (word.is_empty() || word.contains(' '));
        let is_header = is_csv && !header && at == 0 && word == "x";
        (
            at,
            if is_another || is_header {
                "1.2.3"
            } else {
                word
            },
        )
    });
    let mut error = None;
    for (number, row) in rows.iter().enumerate() {
        text += &style.end.repeat(row.blank_before);
        line += row.blank_before;
        let written = match row.form {
            0 => format!("{}", row.value),
            1 => format!("{:e}", row.value),
            2 => format!("{:+E}", row.value),
            _ => format!(" {:?} ", row.value),
        };
        let word = wrong.filter(|&(at, _)| at == number).map(|(_, word)| word);
        if let Some(word) = word {
            error = Some(format!("input:{line}: not a number: {word:?}"));
        }
        let quote = if row.quoted { "\"" } else { "" };
        let field = format!("{quote}{}{quote}", word.unwrap_or(&written));
        let other = |&other: &usize| OTHERS[other].replace('|', style.end);
        let mut fields: Vec<_> = row.others.iter().map(other).collect();
        fields.truncate(style.before + style.after);
        if number == 0 && style.after > 0 {
            // If all fields could be numbers with decimal commas, the table would be refused.
            fields[style.before] = OTHERS[0].into();
        }
        fields.insert(style.before, field);
        line += 1 + fields
            .iter()
            .filter(|field| field.contains(style.end))
            .count();
        text += &join(fields);
        if number + 1 < rows.len() || style.last_end {
            text += style.end;
        }
    }
    let number = (style.before + 1).to_string();
    let column = if style.by_name {
        "the value".into()
    } else {
        number
    };
    // Lines of tabs are blank if no other line shows that tabs separate columns.
    let is_blank = text.trim_start_matches('\u{feff}').trim().is_empty();
    let values = rows.iter().filter(|_| !is_blank);
    Table {
        text: text.into_bytes(),
        column: is_csv.then_some(column),
        values: values.map(|row| row.value).collect(),
        error: error.filter(|_| !is_blank),
    }
}
