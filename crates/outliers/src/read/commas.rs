//! Decides whether commas separate numbers or belong to them: `21,5` may be two numbers or one.

use memchr::memchr2;

use super::error::Error;
use super::records::Records;
use super::separators::separators;

/// What is known so far.
#[derive(Default)]
pub struct Commas {
    /// Whether some record shows that commas separate numbers.
    pub are_between: bool,
    /// Whether a column was found by its name: then the first record is a header.
    pub by_name: bool,
    /// The error to report, unless a later record shows that commas separate numbers.
    pub doubt: Option<Error>,
}

impl Commas {
    /// Looks at a record. Returns an error if there is a doubt that no other record can resolve.
    pub fn look(&mut self, records: &Records<'_>) -> Result<(), Error> {
        if self.by_name || records.delimiter != b',' || records.columns == 1 {
            return Ok(());
        }
        let doubt = |word: &str| {
            let error = Error::new(records.position(), "may be one number or several").word(word);
            error.hint("write 21.5 for one, or a space after each comma for several")
        };
        let text = records.bytes();
        // Between semicolons or tabs, a text with commas may be one number, whatever other records show.
        if memchr2(b';', b'\t', text).is_some() {
            let others = separators(text).filter(|(_, byte)| *byte != b',');
            let mut start = 0;
            for end in others.map(|(at, _)| at).chain([text.len()]) {
                let part = String::from_utf8_lossy(text.get(start..end).unwrap_or_default());
                if part.len() < text.len() && may_be_one(part.trim()) {
                    return Err(doubt(part.trim()));
                }
                start = end + 1;
            }
        }
        if self.are_between {
            return Ok(());
        }
        let text = String::from_utf8_lossy(records.bytes());
        // A comma at the end is not between two numbers.
        let text = text.trim_end().trim_end_matches(',');
        let words = text.split_whitespace();
        for word in words.filter(|word| word.contains(',')) {
            if is_list(word) && !may_be_one(word) {
                self.are_between = true;
            } else {
                self.doubt.get_or_insert_with(|| doubt(word));
            }
        }
        Ok(())
    }
}

/// Whether a word may be one number, with a decimal comma or with commas between thousands.
fn may_be_one(word: &str) -> bool {
    let is_grouped = |text: &str, by: char| text.split(by).skip(1).all(|group| group.len() == 3);
    let (whole, fraction) = word.split_once(',').unwrap_or((word, ""));
    let has_decimal_comma = is_grouped(whole, '.')
        && fraction.starts_with(|c: char| c.is_ascii_digit())
        && !fraction.contains([',', '.']);
    let (thousands, _) = word.split_once(['.', 'e', 'E']).unwrap_or((word, ""));
    let has_thousands = thousands.contains(',') && is_grouped(thousands, ',');
    (has_decimal_comma || has_thousands) && word.replace([',', '.'], "").parse::<f64>().is_ok()
}

/// Whether commas separate a word into numbers, names, dates and times, none of them a mistyped number.
fn is_list(word: &str) -> bool {
    word.split(',').all(|part| {
        let quoted = part
            .strip_prefix('"')
            .and_then(|part| part.strip_suffix('"'));
        let part = quoted.unwrap_or(part);
        let is_date = part.get(1..).is_some_and(|rest| rest.contains(['-', ':']));
        let is_word = part.starts_with(char::is_alphabetic) || !part.contains(char::is_numeric);
        part.parse::<f64>().is_ok() || is_date && !part.contains('"') || is_word
    })
}
