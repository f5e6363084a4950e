//! Which words stand for a missing value, and which can be the name of a column.

/// Marks for a missing value: those of pandas, SQL, SAS, C and instruments, Excel's errors, and words that
/// people write.
#[rustfmt::skip]
const MISSING: [&str; 53] = [
    "", "-", "--", "?", ".", "na", "n/a", "#na", "#n/a", "#n/a n/a", "<na>", "nan", "-nan", "nat",
    "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "null", "(null)", "\\n", "nil", "none", "missing",
    "#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#nv", "#wert!",
    "nan(ind)", "-nan(ind)", "nan(snan)", "-nan(snan)", "n.a.", "n.a", "n.d.", "n.d", "n/d", "nd", "k.a.",
    "no data", "nodata", "not available", "unknown", "undefined", "invalid", "error", "err", "failed", "fault",
];

pub fn is_missing(word: &str) -> bool {
    MISSING.iter().any(|mark| word.eq_ignore_ascii_case(mark))
}

/// Whether a word can name a column and cannot be a mistyped number: it has letters, has no digits
/// except those of m² and m³, and does not begin with a mark, as `#REF!` and `<null>` do.
pub fn is_name(text: &str) -> bool {
    let is_digit = |c: char| c.is_numeric() && !matches!(c, '²' | '³');
    let is_mark = |c: char| c.is_ascii_punctuation() && c != '_';
    text.contains(char::is_alphabetic)
        && !text.contains(is_digit)
        && !text.starts_with(is_mark)
        && text.parse::<f64>().is_err()
}
