//! Hooks from a few parts: a core module of some instructions, made a component with the WIT packages of this repository.

use std::path::Path;

use orkestra_sandbox::Point;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, InstructionSink, MemorySection, MemoryType, Module, StartSection, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the answer lies, and a text beside it.
pub(crate) const ANSWER: i32 = 1024;
pub(crate) const TEXT: i32 = 2048;
/// Where host calls write their results.
pub(crate) const SCRATCH: i32 = 4096;
const FREE: i32 = 64 << 10;

/// Functions that a guest imports, by their indices.
pub(crate) const LOG: u32 = 0;
pub(crate) const GET: u32 = 1;
pub(crate) const EXTRA: u32 = 2;

type Body<'a> = &'a dyn Fn(&mut InstructionSink<'_>);

pub(crate) struct Guest<'a> {
    /// The point that it exports.
    pub(crate) point: Point,
    /// What it does before it answers. The locals are the parameters, and a free one.
    pub(crate) body: Body<'a>,
    /// The start function.
    pub(crate) start: Body<'a>,
    /// One more import: interface, function, and the WIT text of its package. It takes nothing and gives an `u64`.
    pub(crate) extra: Option<(&'a str, &'a str, &'a str)>,
    /// What it answers, or what the answer points at.
    pub(crate) text: &'a [u8],
    /// The length of the list that it answers, where its items are no bytes.
    pub(crate) items: Option<i32>,
    /// The discriminants of the answer: that of the result, and that of a failure or of an outcome.
    pub(crate) answer: (u8, u8),
}

impl Default for Guest<'_> {
    fn default() -> Self {
        let text = br#"{"quota":{"free":3}}"#;
        Guest {
            point: Point::BeforeRender,
            body: &|_| {},
            start: &|_| {},
            extra: None,
            text,
            items: None,
            answer: (0, 0),
        }
    }
}

impl Guest<'_> {
    pub(crate) fn component(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        for package in ["host", "hook"] {
            resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit").join(package)).unwrap();
        }
        let mut imports = String::from("import orkestra:host/log@0.1.0; import orkestra:host/cluster-read@0.1.0;");
        if let Some((interface, _, package)) = self.extra {
            resolve.push_str("extra.wit", package).unwrap();
            imports.push_str(&format!(" import {interface};"));
        }
        let world = format!("package test:guest; world guest {{ {imports} export {}; }}", self.point.interface());
        let package = resolve.push_str("guest.wit", &world).unwrap();
        let world = resolve.select_world(&[package], Some("guest")).unwrap();
        let mut module = self.module();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
    }

    fn module(&self) -> Vec<u8> {
        let i32s = |count: usize| vec![ValType::I32; count];
        let mut types = TypeSection::new();
        types.ty().function(i32s(3), []);
        types.ty().function(i32s(12), []);
        types.ty().function([], [ValType::I64]);
        types.ty().function(i32s(4), i32s(1));
        // A request is nine values: four lists or strings, and whether it is deleted.
        let parameters = match self.point {
            Point::BeforeRender | Point::Validate | Point::Finalize => 9,
            Point::AfterRender => 11,
            Point::Convert => 6,
        };
        types.ty().function(i32s(parameters), i32s(1));
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import("orkestra:host/log@0.1.0", "log", EntityType::Function(0));
        imports.import("orkestra:host/cluster-read@0.1.0", "get", EntityType::Function(1));
        if let Some((interface, function, _)) = self.extra {
            imports.import(interface, function, EntityType::Function(2));
        }
        let first = 2 + u32::from(self.extra.is_some());
        let mut functions = FunctionSection::new();
        functions.function(3).function(4).function(5);
        let mut memories = MemorySection::new();
        let memory = MemoryType { minimum: 4, maximum: None, memory64: false, shared: false, page_size_log2: None };
        memories.memory(memory);
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("cabi_realloc", ExportKind::Func, first);
        let interface = self.point.interface();
        let function = interface.trim_start_matches("orkestra:hook/").trim_end_matches("@0.1.0");
        exports.export(&format!("{interface}#{function}"), ExportKind::Func, first + 1);
        let mut code = CodeSection::new();
        // Hands out memory from the front; the next free address is kept at address 0.
        let mut realloc = Function::new([(1, ValType::I32)]);
        realloc
            .instructions()
            .i32_const(0)
            .i32_load(at(0))
            .i32_const(7)
            .i32_add()
            .i32_const(-8)
            .i32_and()
            .local_tee(4)
            .drop()
            .i32_const(0)
            .local_get(4)
            .local_get(3)
            .i32_add()
            .i32_store(at(0))
            .local_get(4)
            .end();
        code.function(&realloc);
        let mut call = Function::new([(1, ValType::I32)]);
        let mut instructions = call.instructions();
        (self.body)(&mut instructions);
        instructions.i32_const(ANSWER).end();
        code.function(&call);
        let mut start = Function::new([(1, ValType::I32)]);
        let mut instructions = start.instructions();
        (self.start)(&mut instructions);
        instructions.end();
        code.function(&start);
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(0), FREE.to_le_bytes());
        let length = self.items.unwrap_or(self.text.len() as i32);
        let place = [TEXT.to_le_bytes(), length.to_le_bytes()].concat();
        let (failed, kind) = self.answer;
        let mut answer = vec![0; 40];
        answer[0] = failed;
        // A failure and an outcome have a discriminant before their text, a list has none.
        let variant = failed == 1 || self.point == Point::Finalize;
        let payload = if variant { 16 } else { 8 };
        if variant {
            answer[8] = kind;
        }
        answer[payload..payload + 8].copy_from_slice(&place);
        data.active(0, &ConstExpr::i32_const(ANSWER), answer);
        data.active(0, &ConstExpr::i32_const(TEXT), self.text.iter().copied());
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories).section(&exports);
        module.section(&StartSection { function_index: first + 2 });
        module.section(&code).section(&data);
        module.finish()
    }
}

pub(crate) fn at(offset: u64) -> wasm_encoder::MemArg {
    wasm_encoder::MemArg { offset, align: 2, memory_index: 0 }
}

/// Asks for the Secret `x` of the resource's namespace, and traps if the answer is no error of this number.
pub(crate) fn get_secret(code: &mut InstructionSink<'_>, error: Option<i32>) {
    // Group: empty. Kind: the text. Namespace: none. Name: the text. Fields: none. Where the result goes.
    code.i32_const(TEXT).i32_const(0).i32_const(TEXT).i32_const(6).i32_const(0).i32_const(0).i32_const(0);
    code.i32_const(TEXT).i32_const(1).i32_const(TEXT).i32_const(0).i32_const(SCRATCH).call(GET);
    // The result's discriminant, then the error's.
    let wanted = i32::from(error.is_some());
    code.i32_const(SCRATCH)
        .i32_load8_u(at8(0))
        .i32_const(wanted)
        .i32_ne()
        .if_(wasm_encoder::BlockType::Empty)
        .unreachable()
        .end();
    if let Some(error) = error {
        code.i32_const(SCRATCH).i32_load8_u(at8(4)).i32_const(error).i32_ne();
        code.if_(wasm_encoder::BlockType::Empty).unreachable().end();
    }
}

fn at8(offset: u64) -> wasm_encoder::MemArg {
    wasm_encoder::MemArg { offset, align: 0, memory_index: 0 }
}
