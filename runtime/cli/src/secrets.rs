//! Values of Secrets never reach a terminal, a log or a file unless somebody asks for them.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a masked value begins with.
const PREFIX: &str = "sha256:";
/// Hexadecimal digits of the digest that are kept: enough to tell two values apart.
const DIGITS: usize = 16;

/// Puts digests in the place of a Secret's values. Other objects stay as they are, and so does what is masked already.
///
/// A digest of a short password could be guessed; it still says nothing to who only sees it pass.
pub(crate) fn mask(object: &mut Value) {
    if object["kind"] != "Secret" {
        return;
    }
    for part in ["data", "stringData"] {
        if let Some(Value::Object(values)) = object.get_mut(part) {
            values.values_mut().for_each(mask_value);
        }
    }
}

fn mask_value(value: &mut Value) {
    let text = match &*value {
        Value::String(text) if is_masked(text) => return,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let digest: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    *value = format!("{PREFIX}{}", &digest[..DIGITS]).into();
}

fn is_masked(text: &str) -> bool {
    let digits = text.strip_prefix(PREFIX);
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_values_of_secrets_are_masked_and_only_once() {
        let mut secret = json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}});
        mask(&mut secret);
        assert_eq!(secret["metadata"]["name"], "s");
        let masked = secret["data"]["password"].as_str().map(str::to_owned);
        assert!(masked.as_deref().is_some_and(is_masked), "{secret}");
        mask(&mut secret);
        assert_eq!(secret["data"]["password"].as_str().map(str::to_owned), masked);
        let mut map = json!({"kind": "ConfigMap", "data": {"password": "hunter2"}});
        mask(&mut map);
        assert_eq!(map["data"]["password"], "hunter2");
    }
}
