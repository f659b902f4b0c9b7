//! Kubernetes' rules for labels and annotations.
//!
//! The API server checks what a webhook answers by these rules, and an object that breaks them cannot be read at all until
//! it is put right in storage; so it is refused here, with a message that says which one it is.
//! Rules: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set> and
//! `k8s.io/apimachinery/pkg/api/validation` (`ValidateAnnotations`: keys are compared in lower case, and all keys and values
//! together have at most 256 KiB).

/// Bytes that all annotations of an object have at most, keys and values together.
pub(crate) const MAX_ANNOTATIONS: usize = 256 * 1024;

const NAME_RULE: &str =
    "a name has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a letter or a digit";

/// Why a label's key is none.
pub(crate) fn label_key(key: &str) -> Result<(), &'static str> {
    qualified(key, false)
}

/// Why an annotation's key is none.
pub(crate) fn annotation_key(key: &str) -> Result<(), &'static str> {
    qualified(key, true)
}

/// Why a label's value is none.
pub(crate) fn label_value(value: &str) -> Result<(), &'static str> {
    match value.is_empty() || name(value) {
        true => Ok(()),
        false => Err(
            "a label's value is empty, or has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a letter or a digit",
        ),
    }
}

fn qualified(key: &str, any_case: bool) -> Result<(), &'static str> {
    let (prefix, last) = match key.split_once('/') {
        Some((prefix, last)) => (Some(prefix), last),
        None => (None, key),
    };
    if let Some(prefix) = prefix
        && !subdomain(prefix, any_case)
    {
        return Err("what stands before '/' is a DNS subdomain of at most 253 characters, like example.com");
    }
    // A second '/' is no character of a name.
    match name(last) {
        true => Ok(()),
        false => Err(NAME_RULE),
    }
}

/// `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`, at most 63 of them.
fn name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    bytes.len() <= 63 && ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(inner)
}

/// RFC 1123, as Kubernetes reads it: labels have no length of their own.
fn subdomain(text: &str, any_case: bool) -> bool {
    let letter =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || (any_case && byte.is_ascii_uppercase());
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = |byte: Option<&u8>| byte.is_some_and(|byte| letter(*byte));
        ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|byte| letter(*byte) || *byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_kubernetes_takes() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        let prefix = format!("{}/x", ["a".repeat(63).as_str(); 3].join("."));
        let wide = format!("{}/x", ["a".repeat(63).as_str(); 4].join("."));
        for (key, label, annotation) in [
            ("app", true, true),
            ("a_B.c-1", true, true),
            ("example.com/app", true, true),
            (long.as_str(), true, true),
            (prefix.as_str(), true, true),
            ("Example.com/app", false, true),
            ("", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("a b", false, false),
            ("é", false, false),
            ("/app", false, false),
            ("example.com/", false, false),
            ("example..com/a", false, false),
            ("-example.com/a", false, false),
            ("example_com/a", false, false),
            ("a/b/c", false, false),
            (longer.as_str(), false, false),
            (wide.as_str(), false, false),
        ] {
            assert_eq!(label_key(key).is_ok(), label, "{key:?} of a label");
            assert_eq!(annotation_key(key).is_ok(), annotation, "{key:?} of an annotation");
        }
    }

    #[test]
    fn a_labels_value_may_be_empty_and_is_else_a_name() {
        for (value, good) in
            [("", true), ("v1.2_x-y", true), ("-v1", false), ("v 1", false), ("a/b", false), (&"v".repeat(64), false)]
        {
            assert_eq!(label_value(value).is_ok(), good, "{value:?}");
        }
    }
}
