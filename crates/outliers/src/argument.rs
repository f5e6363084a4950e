//! Parses arguments.

use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// Parses an argument that must be text. Its error names the option; clap's own error does not.
pub fn text<T>() -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: ToString> + Clone + Send + Sync + 'static,
{
    OsStringValueParser::new().try_map(|typed| {
        let text = typed.to_str().ok_or("it must be valid UTF-8")?;
        text.parse().map_err(|error: T::Err| error.to_string())
    })
}
