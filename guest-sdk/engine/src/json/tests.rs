//! Our reading of JSON against another one.

use bumpalo::Bump;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::Document;
use crate::value::{List, Map, Value};

/// All of a document, every part of it looked at; the message of the fault otherwise.
fn whole(text: &[u8]) -> Result<Json, String> {
    let arena = Bump::new();
    let document = Document::new("it", text);
    let root = document.root(&arena).map_err(|fault| fault.message().to_owned())?;
    tree(&arena, root)
}

fn tree<'a>(arena: &'a Bump, value: Value<'a>) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::Double(value) => value.into(),
        Value::String(text) => text.into(),
        Value::List(list @ List::Json(_)) => {
            let items = list.items(arena).map_err(|fault| fault.message().to_owned())?;
            items.iter().map(|item| tree(arena, *item)).collect::<Result<Vec<_>, _>>()?.into()
        }
        Value::Map(Map::Json(object)) => {
            let members = object.members(arena).map_err(|fault| fault.message().to_owned())?;
            let mut map = serde_json::Map::new();
            for member in members {
                map.insert(member.key.to_owned(), tree(arena, member.value)?);
                let found = object.get(arena, member.key).map_err(|fault| fault.message().to_owned())?;
                assert_eq!(tree(arena, found.unwrap())?, tree(arena, member.value)?);
            }
            map.into()
        }
        other => panic!("JSON has no {}", other.type_name()),
    })
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<i32>().prop_map(|value| json!(f64::from(value) + 0.5)),
        "[ -~é\n\t\"\\\\😀]{0,20}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Json::from),
            prop::collection::vec(("[a-z\"é]{0,4}", inner), 0..12)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_document_is_what_it_was(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        prop_assert_eq!(whole(&text), Ok(value));
    }

    #[test]
    fn damaged_text_is_refused_where_others_refuse_it(
        value in any_json(),
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(b"{}[]\",:\\/0123456789-+.eEtrufalsn \x00".to_vec()),
        cut in any::<bool>(),
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        if cut { text.truncate(at) } else { text[at] = with }
        match (whole(&text), serde_json::from_slice::<Json>(&text)) {
            // What the values are is the other test's matter: other readers round some doubles in another way.
            (Ok(_), Ok(_)) => {}
            // A key that is there twice is nobody's: others take the last.
            (Err(message), Ok(_)) => prop_assert!(message.contains("twice"), "{}", message),
            // Half of a surrogate pair is refused by others, and replaced by the API server.
            (Ok(_), Err(_)) => prop_assert!(text.windows(2).any(|pair| pair == b"\\u"), "{:?}", text.escape_ascii()),
            (Err(_), Err(_)) => {}
        }
    }
}

#[test]
fn escapes() {
    let text = br#""\u0041\n\t\"\\\/\b\f\r\ud83d\ude00\ud83dx\ude00""#;
    assert_eq!(whole(text), Ok(json!("A\n\t\"\\/\u{8}\u{c}\r😀\u{fffd}x\u{fffd}")));
}

#[test]
fn numbers() {
    assert_eq!(whole(b"-0"), Ok(json!(0)));
    assert_eq!(whole(b"9223372036854775807"), Ok(json!(i64::MAX)));
    assert_eq!(whole(b"9223372036854775808"), Ok(json!(9_223_372_036_854_775_808.0)));
    assert_eq!(whole(b"1e2"), Ok(json!(100.0)));
    for text in ["01", "1.", ".5", "+1", "1e", "0x1", "1e999", "NaN"] {
        assert!(whole(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn bounds() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(whole(nested(64).as_bytes()).is_ok());
    assert!(whole(nested(65).as_bytes()).unwrap_err().contains("64 levels"));
    assert!(whole(b"\"\xc3\x28\"").unwrap_err().contains("UTF-8"));
    assert!(whole(b"").is_err());
    assert!(whole(b"{} {}").is_err());
}

#[test]
fn what_is_malformed_is_found_even_where_nobody_looks() {
    let arena = Bump::new();
    let document = Document::new("it", br#"{"a": 1, "b": {"c": [tru]}}"#);
    assert!(document.root(&arena).is_err());
}
