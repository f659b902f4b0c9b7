//! Components that are not what they seem, want what nobody granted, or consist of too many things.

use orkestra_component::{Exports, encode, encode_code, engine};
use orkestra_sandbox::{Grant, Limits};
use wasm_encoder::{
    CodeSection, ComponentBuilder, ComponentTypeRef, Function, FunctionSection, InstanceType, MemorySection,
    MemoryType, Module, ModuleArg, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{Validator, WasmFeatures};

use crate::guest::Guest;
use crate::programs::one;
use crate::table::{Row, Verdict, all, row};
use crate::{component, of_module, sandbox};

const CODE: &[Grant] = &[Grant::Code];

fn honest() -> Vec<u8> {
    encode(&one(), Exports::PATTERN)
}

fn at(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).expect("a part of the component")
}

fn changed(place: usize, byte: u8) -> Vec<u8> {
    let mut component = honest();
    assert_ne!(component[place], byte);
    component[place] = byte;
    component
}

/// The alignment in `i32.const 0, i32.const 8`.
fn an_instruction() -> usize {
    at(&honest(), &[0x41, 0x00, 0x41, 0x08]) + 3
}

fn a_digit_of_the_engine() -> usize {
    at(&honest(), b"<sha256-") + 8
}

/// A component that imports an instance by this name and is nothing else.
fn importing(name: &str) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let empty = component.type_instance(None, &InstanceType::new());
    component.import(name, ComponentTypeRef::Instance(empty));
    component.finish()
}

/// A component that imports the engine and a module beside it.
fn importing_modules(names: &[&str]) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let (module, encoder) = component.core_type(None);
    encoder.module(&wasm_encoder::ModuleType::new());
    for name in names {
        component.import(*name, ComponentTypeRef::Module(module));
    }
    component.finish()
}

pub(crate) fn imports() -> Vec<Row> {
    vec![
        row(
            "one-changed-instruction",
            "has the template's code with one number changed",
            "NotDeclarative",
            || component(&changed(an_instruction(), 4), &[]),
            "unchanged",
            || component(&honest(), &[]),
        ),
        row(
            "appended-bytes",
            "is followed by a section that names nothing",
            "NotDeclarative",
            || component(&[honest().as_slice(), &[0, 2, 1, b'x']].concat(), &[]),
            "is followed by nothing",
            || component(&honest(), &[]),
        ),
        row(
            "code-without-its-grant",
            "brings code of its own",
            "NotDeclarative",
            || component(&of_module(&Guest::default().module()), &[]),
            "the same, granted",
            || component(&of_module(&Guest::default().module()), CODE),
        ),
        row(
            "engine-inside",
            "has the very engine inside of it, so that nothing shows where its program comes from",
            "NotDeclarative",
            || component(&encode_code(engine().bytes, Exports::PATTERN), &[]),
            "imports the engine",
            || component(&honest(), &[]),
        ),
        row(
            "component-beyond-its-size",
            "is larger than any component may be",
            "NotDeclarative",
            || component(&encode(&vec![0; orkestra_component::MAX_COMPONENT], Exports::PATTERN), &[]),
            "is a few KB",
            || component(&honest(), &[]),
        ),
        row(
            "another-engine",
            "pins an engine with another hash",
            "IncompatibleEngine",
            || {
                let place = a_digit_of_the_engine();
                let other = if honest()[place] == b'A' { b'B' } else { b'A' };
                component(&changed(place, other), &[])
            },
            "pins the one that is there",
            || component(&honest(), &[]),
        ),
        row(
            "import-of-a-system-interface",
            "imports sockets, files, and the environment, with code granted",
            "CapabilityDenied",
            || {
                let names = ["wasi:sockets/network@0.2.0", "wasi:filesystem/types@0.2.0", "wasi:cli/environment@0.2.0"];
                all(names.map(|name| (name.to_owned(), component(&importing(name), CODE))))
            },
            "imports nothing",
            || component(&of_module(&Guest::default().module()), CODE),
        ),
        row(
            "import-beside-the-engine",
            "imports the engine, and a second module that is none",
            "CapabilityDenied",
            || loads(&importing_modules(&[engine().import_name, "locked-dep=<evil:engine@0.1.0>"])),
            "imports the engine alone",
            || loads(&importing_modules(&[engine().import_name])),
        ),
        row(
            "no-component",
            "is nothing, YAML, the text of a component, a core module, a component without its last byte",
            "InvalidComponent",
            || {
                let whole = honest();
                let none: [&[u8]; 5] =
                    [b"", b"kind: Katalog", b"(component)", engine().bytes, &whole[..whole.len() - 1]];
                all(none.map(|bytes| (format!("{} bytes", bytes.len()), component(bytes, CODE))))
            },
            "is whole",
            || component(&honest(), CODE),
        ),
    ]
}

/// Loads a component with its grant and makes an instance of it.
fn loads(component: &[u8]) -> Verdict {
    let pattern = sandbox().load(component, CODE, Limits::default()).map_err(|refused| refused.reason())?;
    pattern.try_instance().map_err(|failure| failure.reason())
}

/// The same of a component with this module, one instance of it. What is hostile is valid WebAssembly with every feature: it is
/// refused for what it is, and not for how it was written here.
fn with(module: &Module) -> Verdict {
    with_instances(module, 1)
}

fn with_instances(module: &Module, count: usize) -> Verdict {
    let mut component = ComponentBuilder::default();
    let module = component.core_module(None, module);
    let none: [(&str, ModuleArg); 0] = [];
    for _ in 0..count {
        component.core_instantiate(None, module, none);
    }
    valid(component.finish())
}

fn valid(component: Vec<u8>) -> Verdict {
    Validator::new_with_features(WasmFeatures::all()).validate_all(&component).expect("valid with every feature");
    loads(&component)
}

const PAGE: MemoryType =
    MemoryType { minimum: 1, maximum: Some(1), memory64: false, shared: false, page_size_log2: None };

fn memories(of: MemoryType, count: usize) -> Module {
    let mut memories = MemorySection::new();
    for _ in 0..count {
        memories.memory(of);
    }
    let mut module = Module::new();
    module.section(&memories);
    module
}

fn tables(elements: u64, count: usize) -> Module {
    let mut tables = TableSection::new();
    let of =
        TableType { element_type: RefType::FUNCREF, table64: false, minimum: elements, maximum: None, shared: false };
    for _ in 0..count {
        tables.table(of);
    }
    let mut module = Module::new();
    module.section(&tables);
    module
}

fn function(body: impl Fn(&mut wasm_encoder::InstructionSink<'_>)) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::V128], [ValType::V128]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut code = CodeSection::new();
    let mut function = Function::new([]);
    body(&mut function.instructions());
    function.instructions().end();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module
}

fn structure() -> Module {
    let mut types = TypeSection::new();
    let element_type = wasm_encoder::StorageType::Val(ValType::I32);
    types.ty().struct_([wasm_encoder::FieldType { element_type, mutable: false }]);
    let mut module = Module::new();
    module.section(&types);
    module
}

fn exception(with_tag: bool) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], []);
    let mut module = Module::new();
    module.section(&types);
    if with_tag {
        let mut tags = wasm_encoder::TagSection::new();
        tags.tag(wasm_encoder::TagType { kind: wasm_encoder::TagKind::Exception, func_type_idx: 0 });
        module.section(&tags);
    }
    module
}

/// Components in components, so deep, each with an instance of the one inside and one of a module of its own.
fn nested(depth: usize) -> Verdict {
    let mut inner = ComponentBuilder::default();
    for _ in 0..depth {
        let mut outer = ComponentBuilder::default();
        let module = outer.core_module(None, &Module::new());
        let none: [(&str, ModuleArg); 0] = [];
        outer.core_instantiate(None, module, none);
        let component = outer.component(None, inner);
        let none: [(&str, wasm_encoder::ComponentExportKind, u32); 0] = [];
        outer.instantiate(None, component, none);
        inner = outer;
    }
    loads(&inner.finish())
}

pub(crate) fn features() -> Vec<Row> {
    vec![
        row(
            "thousand-instances",
            "makes a thousand instances of one module",
            "InvalidComponent",
            || with_instances(&Module::new(), 1000),
            "makes two",
            || with_instances(&Module::new(), 2),
        ),
        row(
            "thousand-components-deep",
            "nests a thousand components, each with an instance of its own",
            "InvalidComponent",
            || nested(1000),
            "nests two",
            || nested(2),
        ),
        row(
            "hundred-memories-of-one-module",
            "has a hundred memories in one module",
            "InvalidComponent",
            || with(&memories(PAGE, 100)),
            "has one",
            || with(&memories(PAGE, 1)),
        ),
        row(
            "memories-of-two-instances",
            "has a memory in each of two instances, to have twice the pool's share",
            "InvalidComponent",
            || with_instances(&memories(PAGE, 1), 2),
            "has one instance",
            || with_instances(&memories(PAGE, 1), 1),
        ),
        row(
            "memory-beyond-the-pool",
            "declares more memory than the pool has for one instance",
            "InvalidComponent",
            || with(&memories(MemoryType { minimum: 4097, maximum: None, ..PAGE }, 1)),
            "declares a page",
            || with(&memories(PAGE, 1)),
        ),
        row(
            "table-beyond-the-pool",
            "declares a larger table than the pool has, or two",
            "InvalidComponent",
            || all([(4097, 1), (1, 2)].map(|of| (format!("{of:?}"), with(&tables(of.0, of.1))))),
            "declares the largest that there is",
            || with(&tables(4096, 1)),
        ),
        row(
            "feature-threads",
            "declares a memory that threads share",
            "InvalidComponent",
            || with(&memories(MemoryType { shared: true, ..PAGE }, 1)),
            "a memory of its own",
            || with(&memories(PAGE, 1)),
        ),
        row(
            "feature-memory64",
            "declares a memory with addresses of 64 bits",
            "InvalidComponent",
            || with(&memories(MemoryType { memory64: true, ..PAGE }, 1)),
            "of 32 bits",
            || with(&memories(PAGE, 1)),
        ),
        row(
            "feature-small-pages",
            "declares a memory with pages of one byte",
            "InvalidComponent",
            || with(&memories(MemoryType { page_size_log2: Some(0), ..PAGE }, 1)),
            "of 64 KiB",
            || with(&memories(PAGE, 1)),
        ),
        row(
            "feature-garbage-collection",
            "declares a structure on a heap that the host would have to collect",
            "InvalidComponent",
            || with(&structure()),
            "declares a function's type",
            || with(&exception(false)),
        ),
        row(
            "feature-exceptions",
            "declares an exception",
            "InvalidComponent",
            || with(&exception(true)),
            "declares its type alone",
            || with(&exception(false)),
        ),
        row(
            "feature-relaxed-simd",
            "uses an instruction whose result depends on the processor",
            "InvalidComponent",
            || {
                with(&function(|i| {
                    i.local_get(0).i32x4_relaxed_trunc_f32x4_s();
                }))
            },
            "uses the one whose result does not",
            || {
                with(&function(|i| {
                    i.local_get(0).i32x4_trunc_sat_f32x4_s();
                }))
            },
        ),
    ]
}

/// What is refused says where and what to do.
#[test]
fn refusals_say_where_and_what_to_do() {
    let refusal = |bytes: &[u8]| match sandbox().load(bytes, &[], Limits::default()) {
        Ok(_) => panic!("the component was loaded"),
        Err(error) => error.to_string(),
    };
    let place = an_instruction();
    let refused = refusal(&changed(place, 4));
    assert!(refused.contains(&format!("offset {place}: found 0x04, expected 0x08")), "{refused}");
    let place = a_digit_of_the_engine();
    let refused = refusal(&changed(place, if honest()[place] == b'A' { b'B' } else { b'A' }));
    assert!(refused.contains("rebuild with `ork build`"), "{refused}");
    let socket = sandbox().load(&importing("wasi:sockets/network@0.2.0"), CODE, Limits::default()).err().unwrap();
    assert!(socket.to_string().contains("wasi:sockets/network@0.2.0"), "{socket}");
}
