//! What a word is, that may be a number, a name or a mark.

/// What stands for a missing value: in pandas' list, in Excel's errors, and what SQL, SAS, C, instruments
/// and people write.
#[rustfmt::skip]
const MISSING: [&str; 53] = [
    "", "-", "--", "?", ".", "na", "n/a", "#na", "#n/a", "#n/a n/a", "<na>", "nan", "-nan", "nat",
    "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "null", "(null)", "\\n", "nil", "none", "missing",
    "#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#nv", "#wert!",
    "nan(ind)", "-nan(ind)", "nan(snan)", "-nan(snan)", "n.a.", "n.a", "n.d.", "n.d", "n/d", "nd", "k.a.",
    "no data", "nodata", "not available", "unknown", "undefined", "invalid", "error", "err", "failed", "fault",
];

/// Characters that an error shows of what is no number.
pub const LONGEST_WORD: usize = 40;

pub fn is_missing(word: &str) -> bool {
    MISSING.iter().any(|mark| word.eq_ignore_ascii_case(mark))
}

/// Whether it may name a column, and cannot be a number gone wrong: it has letters, no digits but those
/// of m², and does not begin like `#REF!` or `<null>`.
pub fn is_name(text: &str) -> bool {
    let is_digit = |c: char| c.is_numeric() && !matches!(c, '²' | '³');
    let is_mark = |c: char| c.is_ascii_punctuation() && c != '_';
    text.contains(char::is_alphabetic)
        && !text.contains(is_digit)
        && !text.starts_with(is_mark)
        && text.parse::<f64>().is_err()
}

/// The start of a text, of that many characters at most.
pub fn start(text: &str, length: usize) -> &str {
    let end = text.char_indices().nth(length);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
