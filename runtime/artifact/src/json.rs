//! JSON from strangers: what `serde_json` takes without a word is refused here before anything is made of it.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// How deep documents of registries may nest. The deepest that the specification knows has five levels.
const DEEPEST: usize = 32;

/// Why JSON is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Two readers could take two different values from it.
    #[error("an object has the key `{}` twice", .said.escape_debug())]
    DuplicateKey {
        /// The key.
        said: String,
    },
    /// Nested deeper than any document that is meant.
    #[error("it nests deeper than {DEEPEST} levels")]
    TooDeep,
    /// It is no JSON, or its fields are not those that are expected.
    #[error("it is not as expected: {}", .said.escape_debug())]
    NotAsExpected {
        /// What `serde_json` found, with text of the document.
        said: String,
    },
}

impl JsonError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::DuplicateKey { .. } => "DuplicateKey",
            Self::TooDeep => "TooDeep",
            Self::NotAsExpected { .. } => "NotAsExpected",
        }
    }
}

/// Reads a document whose bytes are bounded already.
///
/// # Errors
/// All of [`JsonError`].
pub fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, JsonError> {
    let mut problem = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let walked = Walk { depth: 0, problem: &mut problem }.deserialize(&mut reader).and_then(|()| reader.end());
    match (problem, walked) {
        (Some(problem), _) => return Err(problem),
        (None, Err(error)) => return Err(JsonError::NotAsExpected { said: error.to_string() }),
        (None, Ok(())) => {}
    }
    serde_json::from_slice(bytes).map_err(|error| JsonError::NotAsExpected { said: error.to_string() })
}

/// Goes through a value and keeps nothing but the keys of the objects it is inside of.
struct Walk<'a> {
    depth: usize,
    problem: &'a mut Option<JsonError>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth > DEEPEST {
            *self.problem = Some(JsonError::TooDeep);
            return Err(D::Error::custom("too deep"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Walk { depth: self.depth + 1, problem: self.problem })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            entries.next_value_seed(Walk { depth: self.depth + 1, problem: self.problem })?;
            if let Some(said) = seen.replace(key) {
                *self.problem = Some(JsonError::DuplicateKey { said });
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn plain_documents_are_read() {
        let read: Value = read(br#"{"a": [1, -2, 3.5, null, true, "x"], "b": {"a": {}}}"#).unwrap();
        assert_eq!(read["a"][5], "x");
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"x": [{"b": {}, "\u0062": 2}]}"#] {
            assert_eq!(read::<Value>(text.as_bytes()).unwrap_err().reason(), "DuplicateKey", "{text}");
        }
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert_eq!(read::<Value>(deep.as_bytes()), Err(JsonError::TooDeep));
        let fits = format!("{}{}", "[".repeat(30), "]".repeat(30));
        assert!(read::<Value>(fits.as_bytes()).is_ok());
        for text in ["", "{", "{} {}", "{\"a\"}", "\u{feff}{}"] {
            assert_eq!(read::<Value>(text.as_bytes()).unwrap_err().reason(), "NotAsExpected", "{text}");
        }
    }
}
