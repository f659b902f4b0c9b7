//! The template against the WIT text, the validator, and tampering.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use orkestra_component::{Exports, NotDeclarative, decode, encode, encode_code, engine};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::Resolve;

const BOTH: Exports = Exports { reconciler: true, converter: true, admission: true, evaluator: true };
const PROGRAM: &[u8] = b"a program of some bytes";

/// The text of one interface, without comments.
fn interface(resolve: &Resolve, name: &str) -> String {
    let (package, _) = resolve.packages.iter().find(|(_, p)| p.name.namespace == "orkestra").unwrap();
    let mut printer = WitPrinter::default();
    printer.emit_docs(false);
    printer.print(resolve, package, &[]).unwrap();
    let text = printer.output.to_string();
    let start = text.find(&format!("interface {name} {{")).unwrap_or_else(|| panic!("{name} in:\n{text}"));
    let end = start + text[start..].find("\n}").unwrap();
    text[start..end].to_owned()
}

#[test]
fn interfaces_are_those_of_the_wit_files() {
    let mut written = Resolve::default();
    written.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/pattern")).unwrap();
    let DecodedWasm::Component(encoded, _) = wit_component::decode(&encode(PROGRAM, BOTH)).unwrap() else {
        panic!("not a component");
    };
    for name in ["types", "reconciler", "evaluator"] {
        assert_eq!(interface(&encoded, name), interface(&written, name));
    }
}

#[test]
fn is_valid_with_the_features_of_plain_components_only() {
    let features = WasmFeatures::WASM1
        | WasmFeatures::COMPONENT_MODEL
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::SIGN_EXTENSION;
    for exports in [Exports::PATTERN, Exports::EVALUATIONS, BOTH] {
        Validator::new_with_features(features).validate_all(&encode(PROGRAM, exports)).unwrap();
    }
}

/// What the sandbox's engine is told to accept; threads, tails, exceptions, 64-bit memories and garbage collection are not in it.
#[test]
fn the_engine_is_valid_with_few_features_and_lean() {
    let features = WasmFeatures::WASM1
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT;
    Validator::new_with_features(features).validate_all(engine().bytes).unwrap();
    for payload in Parser::new(0).parse_all(engine().bytes) {
        match payload.unwrap() {
            Payload::ImportSection(_) | Payload::CustomSection(_) => panic!("an import or a custom section"),
            _ => {}
        }
    }
    assert!(engine().bytes.len() <= 704 << 10, "{} bytes", engine().bytes.len());
}

#[test]
fn imports_the_engine_and_nothing_else() {
    let component = encode(PROGRAM, Exports::PATTERN);
    let mut imports = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|i| i.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    assert_eq!(imports, [engine().import_name]);
    assert!(engine().import_name.starts_with("locked-dep=<orkestra:engine@0.1.0>,integrity=<sha256-"));
}

#[test]
fn the_template_is_small() {
    let size = encode(b"", Exports::PATTERN).len();
    assert!(size < 3584, "{size} bytes around an empty program");
}

#[test]
fn gives_back_what_it_was_given() {
    for exports in [Exports::PATTERN, Exports::EVALUATIONS, BOTH] {
        let decoded = decode(&encode(PROGRAM, exports)).unwrap();
        assert_eq!((decoded.program.as_slice(), decoded.exports), (PROGRAM, exports));
        assert_eq!(decoded.engine, engine().import_name);
    }
}

#[test]
fn another_program_is_another_component_that_is_declarative_too() {
    let mut component = encode(PROGRAM, Exports::PATTERN);
    let at = component.windows(PROGRAM.len()).position(|w| w == PROGRAM).unwrap();
    component[at] = b'A';
    assert_eq!(decode(&component).unwrap().program, b"A program of some bytes");
}

/// Every single flipped bit outside the program and the engine's name is refused, and none is taken for something else.
#[test]
fn a_change_of_one_bit_anywhere_else_is_refused() {
    let component = encode(PROGRAM, Exports::PATTERN);
    let program = component.windows(PROGRAM.len()).position(|w| w == PROGRAM).unwrap();
    let name = engine().import_name.as_bytes();
    let import = component.windows(name.len()).position(|w| w == name).unwrap();
    let mut refused = 0;
    for at in 0..component.len() {
        let data = (program..program + PROGRAM.len()).contains(&at);
        if data || (import..import + name.len()).contains(&at) {
            continue;
        }
        for bit in 0..8 {
            let mut changed = component.clone();
            changed[at] ^= 1 << bit;
            decode(&changed).expect_err(&format!("bit {bit} of byte {at}"));
            refused += 1;
        }
    }
    assert!(refused > 8 * 1000, "{refused} bits tried");
}

#[test]
fn a_changed_instruction_is_named_with_its_offset() {
    let component = encode(PROGRAM, Exports::PATTERN);
    // `i32.const 8`, the alignment that `$Program` asks for.
    let at = component.windows(4).position(|w| w == [0x41, 0x00, 0x41, 0x08]).unwrap() + 3;
    let mut changed = component;
    changed[at] = 4;
    let difference = NotDeclarative::Differs { offset: at, found: Some(4), expected: Some(8) };
    assert_eq!(decode(&changed), Err(difference));
}

#[test]
fn something_after_the_end_is_refused() {
    let mut component = encode(PROGRAM, Exports::PATTERN);
    let end = component.len();
    // An empty custom section, which every WebAssembly tool would accept.
    component.extend_from_slice(&[0, 1, 0]);
    assert_eq!(decode(&component), Err(NotDeclarative::Differs { offset: end, found: Some(0), expected: None }));
}

#[test]
fn code_is_not_declarative() {
    let engine = engine().bytes;
    assert_eq!(decode(&encode_code(engine, Exports::PATTERN)), Err(NotDeclarative::Missing("import of an engine")));
    assert!(matches!(decode(engine), Err(NotDeclarative::Missing(_))));
    assert!(matches!(decode(b"kind: Katalog"), Err(NotDeclarative::Malformed { .. })));
    assert!(matches!(decode(&vec![0; 5 << 20]), Err(NotDeclarative::TooLarge { .. })));
}
