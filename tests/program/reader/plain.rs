//! The slow, plain reading: byte by byte, counting lines as it goes, and no library's.

/// A record: the line it begins on, from 1, and its fields.
struct Record {
    line: usize,
    fields: Vec<String>,
}

/// The numbers, or how the error begins: place, problem, and the word.
pub fn numbers(text: &[u8], column: Option<&str>, only_finite: bool) -> Result<Vec<f64>, String> {
    if text.starts_with(b"\xFF\xFE") || text.starts_with(b"\xFE\xFF") {
        return Err("input: this is UTF-16".into());
    }
    let mut text = text;
    while text.starts_with(b"\xEF\xBB\xBF") {
        text = &text[3..];
    }
    let mut records = records(text, delimiter(text));
    records.retain(|record| record.fields.len() > 1 || !is_blank(&record.fields[0]));

    let mut values = Vec::new();
    let mut take = |record: &Record, word: &str| {
        let at = format!("input:{}: not a", record.line);
        let value: f64 = word
            .parse()
            .map_err(|_| format!("{at} number: {}", quoted(word)))?;
        if only_finite && !value.is_finite() {
            return Err(format!("{at} finite number: {}", quoted(word)));
        }
        values.push(value);
        Ok(())
    };
    let Some(wanted) = column else {
        for record in &records {
            for field in &record.fields {
                if field.trim().is_empty() {
                    take(record, "")?;
                }
                for word in field.split_whitespace() {
                    take(record, word)?;
                }
            }
        }
        return Ok(values);
    };
    let Some(first) = records.first() else {
        return Ok(values);
    };
    let (index, is_header) = choose(first, wanted)?;
    for record in records.iter().skip(usize::from(is_header)) {
        match record.fields.get(index) {
            Some(field) => take(record, field.trim())?,
            None => return Err(format!("input:{}: no column {wanted}: ", record.line)),
        }
    }
    Ok(values)
}

/// As an error shows a word.
fn quoted(word: &str) -> String {
    format!("{:?}", word.chars().take(40).collect::<String>())
}

fn is_blank(field: &str) -> bool {
    field.bytes().all(|byte| byte.is_ascii_whitespace())
}

/// Which column is wanted, and whether the first record is a header.
fn choose(first: &Record, wanted: &str) -> Result<(usize, bool), String> {
    let at = format!("input:{}: ", first.line);
    let names: Vec<&str> = first.fields.iter().map(|field| field.trim()).collect();
    if let Ok(number) = wanted.parse::<usize>()
        && number >= 1
        && number <= names.len()
    {
        let name = names[number - 1];
        let missing = ["", "-", "?", "na", "n/a", "nil", "none", "null"];
        return if name.parse::<f64>().is_ok() || missing.contains(&&*name.to_lowercase()) {
            Ok((number - 1, false))
        } else if name.contains(|c: char| c.is_ascii_digit()) {
            Err(format!("{at}not a number: {}", quoted(name)))
        } else {
            Ok((number - 1, true))
        };
    }
    let places: Vec<usize> = (0..names.len())
        .filter(|&place| names[place] == wanted)
        .collect();
    match places[..] {
        [] => Err(format!("{at}no column {wanted:?} among: ")),
        [place] => Ok((place, true)),
        _ => Err(format!("input: several columns are called {wanted:?}")),
    }
}

/// What the first record that is not blank has most of, outside quotes; a comma if in doubt. A quote
/// opens at the start of a field, after any of the three; two in quotes are one.
fn delimiter(text: &[u8]) -> u8 {
    let Some(first) = text.iter().position(|byte| !byte.is_ascii_whitespace()) else {
        return b',';
    };
    let mut begin = first;
    while begin > 0 && !b"\r\n".contains(&text[begin - 1]) {
        begin -= 1;
    }
    let mut counts = [0; 3];
    let mut state = "start";
    for byte in &text[begin..] {
        state = match (state, byte) {
            ("quoted", b'"') => "after a quote",
            ("quoted", _) | ("start" | "after a quote", b'"') => "quoted",
            (_, b'\r' | b'\n') => break,
            (_, b',' | b';' | b'\t') => {
                counts[b",;\t".iter().position(|other| other == byte).unwrap()] += 1;
                "start"
            }
            _ => "bare",
        };
    }
    let [commas, semicolons, tabs] = counts;
    if commas >= semicolons && commas >= tabs {
        b','
    } else if semicolons >= tabs {
        b';'
    } else {
        b'\t'
    }
}

/// Blank lines are no records. A quote opens a field only at its start; within, two are one; what
/// follows the closing one belongs to the field.
fn records(text: &[u8], delimiter: u8) -> Vec<Record> {
    let mut records = Vec::new();
    let (mut line, mut at) = (1, 0);
    // Takes a byte, and counts the line that it ends: a line feed after a carriage return ends none.
    let mut next = |line: &mut usize| {
        let byte = *text.get(at)?;
        let ends = byte == b'\r' || byte == b'\n' && (at == 0 || text[at - 1] != b'\r');
        *line += usize::from(ends);
        at += 1;
        Some(byte)
    };
    let mut begun: Option<(usize, Vec<Vec<u8>>)> = None;
    let mut state = "start";
    loop {
        let before = line;
        let Some(byte) = next(&mut line) else { break };
        let is_end = byte == b'\r' || byte == b'\n';
        if begun.is_none() {
            if is_end {
                continue;
            }
            begun = Some((before, vec![Vec::new()]));
            state = "start";
        }
        let (begins, mut fields) = begun.take().unwrap();
        let field = fields.last_mut().unwrap();
        match state {
            "start" if byte == b'"' => state = "quoted",
            "quoted" if byte == b'"' => state = "after a quote",
            "quoted" => field.push(byte),
            "after a quote" if byte == b'"' => {
                field.push(byte);
                state = "quoted";
            }
            _ if byte == delimiter => {
                fields.push(Vec::new());
                state = "start";
            }
            _ if is_end => {
                records.push((begins, fields));
                continue;
            }
            _ => {
                field.push(byte);
                state = "bare";
            }
        }
        begun = Some((begins, fields));
    }
    let records = records
        .into_iter()
        .chain(begun)
        .map(|(line, fields)| Record {
            line,
            fields: fields
                .iter()
                .map(|field| String::from_utf8_lossy(field).into())
                .collect(),
        });
    records.collect()
}
