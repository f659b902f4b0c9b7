use super::*;
use crate::schema::Schema;

#[test]
fn every_byte_of_any_text_has_an_answer() {
    let scope = Scope::new(&Schema::default(), true);
    let texts = [
        "spec.",
        "a.b(c, [d.",
        "'é' + x",
        "x | default 'ü' | ",
        "{'a': {'b': c.}}",
        "`a-b`.",
        "1.",
        "....",
        "é.é",
        "has(",
        "\u{1F600}.",
    ];
    for text in texts {
        for offset in 0..=text.len() + 1 {
            if let Some(found) = look(text, offset, &scope) {
                assert!(text.get(found.range).is_some(), "{text} at {offset}");
            }
            let words = words(text, offset, &scope);
            assert!(words.range.end >= words.range.start, "{text} at {offset}");
        }
    }
}

#[test]
fn a_number_has_no_fields() {
    let scope = Scope::new(&Schema::default(), true);
    assert_eq!(words("1.", 2, &scope).words, []);
}

#[test]
fn the_forms_of_a_function_are_shown() {
    assert_eq!(forms("startsWith"), ["string.startsWith(string) → bool"]);
    assert!(forms("size").contains(&"size(string) → int".to_owned()));
    assert_eq!(forms("nothing"), Vec::<String>::new());
}
