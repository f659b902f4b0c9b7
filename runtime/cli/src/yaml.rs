//! JSON values as YAML that every reader takes for the same values.

use serde_json::Value;

use crate::error::Error;

/// A value as a block of YAML that ends with a line break.
pub(crate) fn text(value: &Value) -> Result<String, Error> {
    serde_yaml::to_string(value).map_err(|error| Error::Compile(error.into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `no`, `on` and `12:30` are strings to YAML 1.2 and booleans and numbers to YAML 1.1, which `kubectl` reads.
    #[test]
    fn what_yaml_1_1_reads_as_something_else_is_quoted() {
        let words = "no Yes ON off y N true ~ null << 0x1F 0o17 017 1e3 +1 12:30:45 2020-01-01 .NaN";
        for word in words.split(' ') {
            assert_eq!(text(&json!([word])).unwrap(), format!("- \"{word}\"\n"));
        }
        assert_eq!(text(&json!({"on": 1})).unwrap(), "\"on\": 1\n");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(text(&json!(["\u{1b}[2J"])).unwrap(), "- \"\\e[2J\"\n");
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let value = json!({
            "texts": ["no", "a\nb\n", "\n", "\n\n", "a\n\n\n", "\ta\nb", "a\n ", "\u{2028}", "\"", "\\", "é", "😀"],
            "nested": {"list": [[1, [2.5, null]], {"a": [{"b": true, "c": {}}], "d": []}], "#": "x", "a: b": "- c"},
        });
        assert_eq!(crate::documents::value(&text(&value).unwrap()), Ok(value));
    }
}
