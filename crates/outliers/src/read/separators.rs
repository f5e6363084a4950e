//! Finds out whether comma, semicolon or tab separates the columns.

const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Finds the separator of the columns, and whether the first record has no other separator.
///
/// It is the separator that the first record has outside quotes, or a comma if it has none. If the first
/// record has several, as a header can, it is the one that later records have too. The error contains two
/// that are both possible.
pub fn delimiter(text: &[u8]) -> Result<(u8, bool), [u8; 2]> {
    // Sets of separators, a bit for each.
    let (mut first, mut later, mut line) = (None, 0, 0_u8);
    let mut start = 0;
    for (at, byte) in separators(text).chain([(text.len(), b'\n')]) {
        if let Some(index) = SEPARATORS.iter().position(|&separator| separator == byte) {
            line |= 1 << index;
            continue;
        }
        let is_blank = text
            .get(start..at)
            .is_some_and(|line| line.trim_ascii().is_empty());
        match first {
            _ if is_blank => (),
            Some(_) => later |= line,
            None if line.count_ones() > 1 => first = Some(line),
            None => break,
        }
        (line, start) = (0, at + 1);
    }
    let first = first.unwrap_or(line);
    let is_alone = first.count_ones() < 2;
    let either = if !is_alone && (first & later).count_ones() == 1 {
        first & later
    } else {
        first
    };
    let found = (0..)
        .zip(SEPARATORS)
        .filter(|(index, _)| either >> index & 1 == 1);
    match found.map(|(_, separator)| separator).collect::<Vec<_>>()[..] {
        [] => Ok((b',', true)),
        [one] => Ok((one, is_alone)),
        [one, other, ..] => Err([one, other]),
    }
}

/// Yields each separator of columns or lines that is outside quotes, and its place. A quote opens only
/// where a field starts.
pub fn separators(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let (mut is_quoted, mut is_start) = (false, true);
    text.iter().copied().enumerate().filter(move |(_, byte)| {
        if *byte == b'"' && (is_quoted || is_start) {
            // The second quote of a doubled one opens again.
            (is_quoted, is_start) = (!is_quoted, is_quoted);
            return false;
        }
        let separates = SEPARATORS.contains(byte) || matches!(byte, b'\r' | b'\n');
        if !is_quoted {
            is_start = separates;
        }
        separates && !is_quoted
    })
}
