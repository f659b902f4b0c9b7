//! From a program to its component: a fixed template with one hole, the program's bytes.

use wasm_encoder::{
    Alias, CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind, ComponentTypeRef, DataCountSection,
    DataSection, DataSegment, DataSegmentMode, EntityType, ExportKind, Function as Code, FunctionSection,
    ImportSection, MemoryType, Module, ModuleArg, ModuleType, StartSection, TypeSection, ValType,
};

use crate::Exports;
use crate::interface::{Interface, TYPES, TYPES_NAME, closure};
use crate::scope::{Scope, import_name};

const ENGINE: &str = "engine";
const MEMORY: &str = "memory";
const REALLOC: &str = "cabi_realloc";
const LOAD: &str = "load";
const REALLOC_PARAMS: [ValType; 4] = [ValType::I32; 4];
/// The engine reads the program in place, and its records hold 64-bit numbers.
const PROGRAM_ALIGNMENT: i32 = 8;
/// Wide enough for every engine: the import asks for at least one page, an engine's memory has more.
const MEMORY_TYPE: MemoryType =
    MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };

/// The component of a program, importing `engine` (an import's name, as [`crate::Engine::import_name`] gives it).
pub(crate) fn declarative(program: &[u8], exports: Exports, engine: &str) -> Vec<u8> {
    let mut scope = Scope::default();
    let b = &mut scope.builder;
    let (engine_type, encoder) = b.core_type(None);
    encoder.module(&engine_module_type(exports));
    let engine_module = b.import(engine, ComponentTypeRef::Module(engine_type));
    let program_module = b.core_module(None, &program_module(program));
    let engine_instance = b.core_instantiate(None, engine_module, no_args());
    b.core_instantiate(None, program_module, [(ENGINE, ModuleArg::Instance(engine_instance))]);
    lift(scope, engine_instance, exports)
}

/// The component of hand-written code that exports what an engine does, `load` excepted, and imports nothing.
pub(crate) fn code(module: &[u8], exports: Exports) -> Vec<u8> {
    let mut scope = Scope::default();
    let module = scope.builder.core_module_raw(None, module);
    let instance = scope.builder.core_instantiate(None, module, no_args());
    lift(scope, instance, exports)
}

fn no_args() -> [(&'static str, ModuleArg); 0] {
    []
}

fn engine_module_type(exports: Exports) -> ModuleType {
    let mut t = ModuleType::new();
    t.ty().function(REALLOC_PARAMS, [ValType::I32]);
    t.ty().function([ValType::I32, ValType::I32], []);
    t.export(MEMORY, EntityType::Memory(MEMORY_TYPE));
    t.export(REALLOC, EntityType::Function(0));
    t.export(LOAD, EntityType::Function(1));
    for (position, interface) in (2..).zip(exports.interfaces()) {
        t.ty().function(interface.function.core_params.iter().copied(), [ValType::I32]);
        t.export(interface.function.core_name, EntityType::Function(position));
    }
    t
}

/// `$Program`: hands its one passive data segment to the engine when the component is instantiated.
fn program_module(program: &[u8]) -> Module {
    // A program's length was checked to be far below 2^31; the same number is the length of the data segment.
    let length = program.len() as i32;
    let mut module = Module::new();

    let mut types = TypeSection::new();
    types.ty().function(REALLOC_PARAMS, [ValType::I32]);
    types.ty().function([ValType::I32, ValType::I32], []);
    types.ty().function([], []);
    module.section(&types);

    let mut imports = ImportSection::new();
    imports.import(ENGINE, MEMORY, EntityType::Memory(MEMORY_TYPE));
    imports.import(ENGINE, REALLOC, EntityType::Function(0));
    imports.import(ENGINE, LOAD, EntityType::Function(1));
    module.section(&imports);

    let mut functions = FunctionSection::new();
    functions.function(2);
    module.section(&functions);
    module.section(&StartSection { function_index: 2 });
    module.section(&DataCountSection { count: 1 });

    let mut start = Code::new([(1, ValType::I32)]);
    start
        .instructions()
        .i32_const(0)
        .i32_const(0)
        .i32_const(PROGRAM_ALIGNMENT)
        .i32_const(length)
        .call(0)
        .local_tee(0)
        .i32_const(0)
        .i32_const(length)
        .memory_init(0, 0)
        .local_get(0)
        .i32_const(length)
        .call(1)
        .end();
    let mut code = CodeSection::new();
    code.function(&start);
    module.section(&code);

    let mut data = DataSection::new();
    data.segment(DataSegment { mode: DataSegmentMode::Passive, data: program.iter().copied() });
    module.section(&data);
    module
}

/// Lifts the functions of core instance `instance` and exports the interfaces.
fn lift(mut scope: Scope, instance: u32, exports: Exports) -> Vec<u8> {
    let memory = scope.builder.core_alias_export(None, instance, MEMORY, ExportKind::Memory);
    let realloc = scope.builder.core_alias_export(None, instance, REALLOC, ExportKind::Func);
    let types = export_types(&mut scope.builder);
    for interface in exports.interfaces() {
        export_interface(&mut scope, interface, types, instance, memory, realloc);
    }
    scope.builder.finish()
}

/// Exports the interface that holds only types; gives the exported instance.
fn export_types(outer: &mut ComponentBuilder) -> u32 {
    let mut inner = Scope::default();
    for named in TYPES {
        inner.export(named);
    }
    let component = outer.component(None, inner.builder);
    let instance = outer.instantiate(None, component, NO_NAMED_ARGS);
    outer.export(TYPES_NAME, ComponentExportKind::Instance, instance, None)
}

const NO_NAMED_ARGS: [(&str, ComponentExportKind, u32); 0] = [];

/// Exports one interface.
///
/// A component can give an exported instance's types their names only by instantiating a component that exports them:
/// so an inner component imports types and function and exports them again.
fn export_interface(outer: &mut Scope, interface: &Interface, types: u32, instance: u32, memory: u32, realloc: u32) {
    let used = closure(interface.uses);
    for (name, _) in &used {
        let alias = Alias::InstanceExport { instance: types, kind: ComponentExportKind::Type, name };
        let index = outer.builder.alias(None, alias);
        outer.name(name, index);
    }
    for named in interface.types {
        outer.define(named);
    }
    let core = outer.builder.core_alias_export(None, instance, interface.function.core_name, ExportKind::Func);
    let function_type = outer.function(&interface.function);
    let options = [CanonicalOption::Memory(memory), CanonicalOption::Realloc(realloc), CanonicalOption::UTF8];
    let function = outer.builder.lift_func(None, core, function_type, options);

    let mut inner = Scope::default();
    for named in used.iter().copied().chain(interface.types) {
        inner.import(named);
    }
    let imported_type = inner.function(&interface.function);
    let imported = inner.builder.import(FUNCTION, ComponentTypeRef::Func(imported_type));
    for name in interface.uses {
        inner.export_again(name);
    }
    for named in interface.types {
        inner.export(named);
    }
    let exported_type = inner.function(&interface.function);
    inner.builder.export(
        interface.function.name,
        ComponentExportKind::Func,
        imported,
        Some(ComponentTypeRef::Func(exported_type)),
    );

    let component = outer.builder.component(None, inner.builder);
    let mut args = vec![(FUNCTION.to_owned(), ComponentExportKind::Func, function)];
    for (name, _) in used.iter().copied().chain(interface.types) {
        args.push((import_name(name), ComponentExportKind::Type, outer.names[name]));
    }
    let named = outer.builder.instantiate(None, component, args);
    outer.builder.export(interface.name, ComponentExportKind::Instance, named, None);
}

const FUNCTION: &str = "import-func";
