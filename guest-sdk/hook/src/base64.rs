//! Bytes that JSON holds as base64, as the `data` of a Secret does.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Error;

/// Bytes that JSON holds as base64: an entry of a Secret's `data`. Its `Debug` shows how many they are and not what they are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Base64(Vec<u8>);

impl Base64 {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, without the line end that files tend to have.
    ///
    /// # Errors
    ///
    /// Failed: they are not UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        let text = std::str::from_utf8(&self.0);
        let text = text.map_err(|_| Error::failed("a value that should be text is not UTF-8"))?;
        Ok(text.trim_end_matches(['\r', '\n']))
    }
}

impl From<Vec<u8>> for Base64 {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The decoder's own error would show a byte of what is often a secret.
        STANDARD.decode(text).map(Self).map_err(|_| de::Error::custom("expected base64"))
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_writes_and_shows_nothing() {
        let token: Base64 = serde_json::from_str(r#""aHVudGVyMgo=""#).unwrap();
        assert_eq!(token.text(), Ok("hunter2"));
        assert_eq!(token.as_bytes(), b"hunter2\n");
        assert_eq!(serde_json::to_string(&token).unwrap(), r#""aHVudGVyMgo=""#);
        assert_eq!(format!("{token:?}"), "Base64(8 bytes)");
    }

    #[test]
    fn what_is_no_base64_is_not_repeated() {
        let error = serde_json::from_str::<Base64>(r#""hunter2!""#).unwrap_err();
        assert!(!error.to_string().contains("hunter"), "{error}");
        assert!(Base64::from(vec![0xff]).text().is_err());
    }
}
