//! Names that are close to what was typed.

/// How close two words must be, from 0 to 1: the limit that clap has for options.
const CLOSE: f64 = 0.7;

/// The longest word in bytes, and the most names, that are compared: a header can have millions of names.
const LONGEST: usize = 100;
const MOST: usize = 10_000;

/// The name closest to what was typed, if any is close enough.
pub fn similar<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let names = names.take(MOST).filter(|name| name.len() <= LONGEST);
    let names = names.filter(|_| typed.len() <= LONGEST);
    let closeness = names.map(|name| (strsim::jaro(typed, name), name));
    let close = closeness.filter(|(closeness, _)| *closeness > CLOSE);
    close
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::similar;

    #[test]
    fn the_closest_name_is_found_and_none_if_nothing_is_close() {
        let names = || "new-reference stolen-reference storing lock iterator append".split(' ');
        for (typed, expected) in [
            ("storng", Some("storing")),
            ("apend", Some("append")),
            ("lok", Some("lock")),
            ("stolen", Some("stolen-reference")),
            ("iterater", Some("iterator")),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(similar(typed, names()), expected, "{typed}");
        }
    }
}
