//! Components that are not loaded at all.

use std::time::Duration;

use orkestra_component::{Exports, encode, encode_code, engine};
use orkestra_sandbox::{Grant, Limits, LoadError};
use wasm_encoder::{ComponentBuilder, ComponentTypeRef, InstanceType};

use crate::guest::Guest;
use crate::sandbox;

fn refusal(component: &[u8], grants: &[Grant]) -> LoadError {
    match sandbox().load(component, grants, Limits::default()) {
        Ok(_) => panic!("the component was loaded"),
        Err(error) => error,
    }
}

fn at(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).expect("a part of the component")
}

#[test]
fn one_changed_instruction_is_not_declarative() {
    let component = encode(b"program", Exports::PATTERN);
    sandbox().load(&component, &[], Limits::default()).expect("the twin");
    // The alignment in `i32.const 0, i32.const 8`.
    let place = at(&component, &[0x41, 0x00, 0x41, 0x08]) + 3;
    let mut changed = component;
    changed[place] = 4;
    let refused = refusal(&changed, &[]);
    assert_eq!(refused.reason(), "NotDeclarative");
    assert!(refused.to_string().contains(&format!("offset {place}: found 0x04, expected 0x08")), "{refused}");
}

#[test]
fn another_engine_is_incompatible() {
    let component = encode(b"program", Exports::PATTERN);
    let place = at(&component, b"<sha256-") + 8;
    let mut other = component;
    other[place] = if other[place] == b'A' { b'B' } else { b'A' };
    let refused = refusal(&other, &[]);
    assert_eq!(refused.reason(), "IncompatibleEngine");
    assert!(refused.to_string().contains("rebuild with `ork build`"), "{refused}");
}

#[test]
fn code_needs_its_grant() {
    let component = encode_code(&Guest::default().module(), Exports::PATTERN);
    sandbox().load(&component, &[Grant::Code], Limits::default()).expect("the twin");
    assert_eq!(refusal(&component, &[]).reason(), "NotDeclarative");
}

/// The whole engine in a component of its own: the very same code, but not the very same proof.
#[test]
fn an_embedded_engine_is_code() {
    let component = encode_code(engine().bytes, Exports::PATTERN);
    assert_eq!(refusal(&component, &[]).reason(), "NotDeclarative");
}

#[test]
fn an_import_is_a_capability_that_nobody_granted() {
    let mut component = ComponentBuilder::default();
    let empty = component.type_instance(None, &InstanceType::new());
    component.import("wasi:sockets/network@0.2.0", ComponentTypeRef::Instance(empty));
    let component = component.finish();
    assert_eq!(
        refusal(&component, &[Grant::Code]),
        LoadError::CapabilityDenied { import: "wasi:sockets/network@0.2.0".to_owned() }
    );
    assert_eq!(refusal(&component, &[]).reason(), "NotDeclarative");
}

#[test]
fn what_is_no_component_is_refused_with_and_without_a_grant() {
    let mut truncated = encode(b"program", Exports::PATTERN);
    truncated.truncate(truncated.len() / 2);
    for (bytes, with_grant) in [
        (&b""[..], "InvalidComponent"),
        (b"kind: Katalog", "InvalidComponent"),
        (b"(component)", "InvalidComponent"),
        (engine().bytes, "InvalidComponent"),
        (&truncated, "InvalidComponent"),
    ] {
        assert_eq!(refusal(bytes, &[]).reason(), "NotDeclarative");
        assert_eq!(refusal(bytes, &[Grant::Code]).reason(), with_grant);
    }
}

#[test]
fn limits_above_the_ceiling_are_refused() {
    let component = encode(b"program", Exports::PATTERN);
    let high = Limits { deadline: Duration::from_secs(31), ..Limits::default() };
    assert_eq!(
        sandbox().load(&component, &[], high).err(),
        Some(LoadError::AboveCeiling { limit: "deadline", asked: 31_000, ceiling: 30_000 })
    );
}
