//! JSON that comes in, as the types of the hook.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// JSON that is not of the type that the hook reads it as.
///
/// Its message names the path alone, because the value may be a secret and messages are shown on the resource.
#[derive(Debug, thiserror::Error)]
#[error("{path} is not of the type that the hook expects")]
pub struct DecodeError {
    path: String,
    #[source]
    source: serde_json::Error,
}

impl DecodeError {
    /// The dotted path of the value; `.` is the whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was found and expected. It may hold a value of what was read.
    pub fn detail(&self) -> &serde_json::Error {
        &self.source
    }
}

/// Reads one JSON text.
pub(crate) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = path(error.path());
        DecodeError { path, source: error.into_inner() }
    })?;
    deserializer.end().map_err(|source| DecodeError { path: ".".to_owned(), source })?;
    Ok(value)
}

/// A path as messages have it. Where the error came from deeper than serde can see, the known part is enough.
fn path(path: &serde_path_to_error::Path) -> String {
    let known = path.iter().filter(|segment| !matches!(segment, Segment::Unknown));
    let path = known.map(ToString::to_string).collect::<Vec<_>>().join(".");
    if path.is_empty() { ".".to_owned() } else { path.replace(".[", "[") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[serde(rename = "list")]
        _list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[serde(rename = "size")]
        _size: u32,
    }

    #[test]
    fn the_message_has_the_path_and_not_the_value() {
        let error = decode::<Outer>(br#"{"list": [{"size": 1}, {"size": "hunter2"}]}"#).unwrap_err();
        assert_eq!(error.to_string(), "list[1].size is not of the type that the hook expects");
        assert!(error.detail().to_string().contains("hunter2"));
        assert_eq!(decode::<Outer>(b"[]]").unwrap_err().path(), ".");
        assert_eq!(decode::<u8>(b"1 2").unwrap_err().path(), ".");
    }
}
