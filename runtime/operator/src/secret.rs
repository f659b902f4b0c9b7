//! What is different about Secrets: their values are shown to nobody, and values that were generated once stay.

use serde_json::{Map, Value};

use crate::error::{ApiError, Refusal};

/// Whether objects of this kind hold secret values.
pub(crate) fn is_secret(api_version: &str, kind: &str) -> bool {
    api_version == "v1" && kind == "Secret"
}

/// Moves `stringData` into `data`: the API server does so too, but then nobody owns what it made of it.
pub(crate) fn store_plain_text(body: &mut Map<String, Value>) {
    let Some(Value::Object(plain)) = body.shift_remove("stringData") else { return };
    let data = body.entry("data").or_insert_with(|| Value::Object(Map::new()));
    let Some(data) = data.as_object_mut() else { return };
    for (key, value) in plain {
        if let Value::String(text) = value {
            data.insert(key, base64(text.as_bytes()).into());
        }
    }
}

/// Gives each data key of `body` the value that `live` has for it.
pub(crate) fn keep_generated(body: &mut Value, live: &Value) {
    let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) else { return };
    for (key, value) in data {
        if let Some(kept) = live.get("data").and_then(|live| live.get(key)) {
            *value = kept.clone();
        }
    }
}

/// Whether `live` has every data key of `body`.
pub(crate) fn has_all_keys(body: &Value, live: &Value) -> bool {
    let keys = body.get("data").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    keys.into_iter().all(|key| live.get("data").is_some_and(|live| live.get(key).is_some()))
}

/// Takes out of a refusal what may quote a value: the API server repeats what it does not like, and so do webhooks.
pub(crate) fn without_values(error: ApiError) -> ApiError {
    let ApiError::Refused { what, refusal } = error else { return error };
    let Refusal { code, reason, message: _, mut causes, retry_after, next } = *refusal;
    for cause in &mut causes {
        cause.message = String::new();
    }
    let fields: Vec<&str> = causes.iter().map(|cause| cause.field.as_str()).filter(|field| !field.is_empty()).collect();
    let message = match fields.is_empty() {
        true => "refused, for a reason that is not repeated here because it may hold secret values".to_owned(),
        false => format!("refused because of {}", fields.join(", ")),
    };
    ApiError::Refused { what, refusal: Box::new(Refusal { code, reason, message, causes, retry_after, next }) }
}

/// As the API server has bytes.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at)) & 63;
            text.push(if at <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Cause;

    #[test]
    fn plain_text_is_stored_as_the_api_server_would() {
        for (text, encoded) in [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("\u{fb}\u{ff}?", "w7vDvz8=")]
        {
            let mut body = json!({"stringData": {"k": text}, "data": {"other": "eA=="}}).as_object().unwrap().clone();
            store_plain_text(&mut body);
            assert_eq!(Value::Object(body), json!({"data": {"other": "eA==", "k": encoded}}));
        }
    }

    #[test]
    fn what_was_generated_stays_and_what_is_new_comes() {
        let mut body = json!({"data": {"old": "bmV3", "new": "bmV3"}});
        let live = json!({"data": {"old": "b2xk", "foreign": "eA=="}});
        assert!(!has_all_keys(&body, &live));
        keep_generated(&mut body, &live);
        assert_eq!(body, json!({"data": {"old": "b2xk", "new": "bmV3"}}));
        assert!(has_all_keys(&json!({"data": {"old": "x"}}), &live));
        assert!(has_all_keys(&json!({}), &json!({})));
    }

    #[test]
    fn a_refusal_names_fields_and_quotes_nothing() {
        let cause = Cause {
            reason: "FieldValueInvalid".to_owned(),
            field: "data[password]".to_owned(),
            message: "Invalid value: \"hunter2\"".to_owned(),
        };
        for causes in [vec![cause], Vec::new()] {
            let message = "Secret \"a\" is invalid: data[password]: Invalid value: \"hunter2\"".to_owned();
            let refusal = Refusal { code: 422, reason: "Invalid".to_owned(), message, causes, ..Refusal::default() };
            let named = !refusal.causes.is_empty();
            let error = without_values(ApiError::Refused { what: "PATCH x".to_owned(), refusal: Box::new(refusal) });
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            assert_eq!(error.to_string().contains("data[password]"), named, "{error}");
        }
    }
}
