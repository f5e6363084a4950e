//! Patterns of growth that is allowed.

/// Whether a pattern matches a whole text; `*` stands for any text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let mut ends = text.char_indices().map(|(end, _)| end).chain([text.len()]);
            ends.any(|end| text.get(end..).is_some_and(|text| matches(rest, text)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text) in [
            ("a.b", "a.b"),
            ("numpy.dtypes.*", "numpy.dtypes.Int64DType dtype('int64')"),
            ("*", ""),
            ("*.CACHE", "module.CACHE"),
            ("a*b*c", "aXXbcbYc"),
            ("é*", "é1"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("a", "ab"),
            ("b*", "ab"),
            ("*a", "ab"),
            ("", "a"),
            ("a*b*c", "ac"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
