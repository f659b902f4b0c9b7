//! Core modules in the engine's place, built from a few parts.

use orkestra_component::Exports;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, ExportKind, ExportSection, Function,
    FunctionSection, InstructionSink, MemorySection, MemoryType, Module, RefType, StartSection, TableSection,
    TableType, TypeSection, ValType,
};

/// Where the answer lies in memory.
pub(crate) const RESULT: u32 = 1024;
/// Where what it points to begins.
pub(crate) const HEAP: u32 = 2048;
/// Where `cabi_realloc` begins to give out memory, unless the heap is larger.
const FREE: u32 = 32 << 10;

const TYPE_REALLOC: u32 = 0;
const TYPE_RECONCILE: u32 = 1;
const TYPE_START: u32 = 2;
const TYPE_RECURSE: u32 = 3;
const TYPE_CONVERT: u32 = 4;

/// Calls itself as many times as its argument says.
pub(crate) const RECURSE: u32 = 3;

type Body = Box<dyn Fn(&mut InstructionSink<'_>)>;

/// A module that answers with an empty plan, unless it is told to do otherwise.
pub(crate) struct Guest {
    /// What the call does before it answers. Local 0 is the request's address, locals 1 and 2 are free.
    pub body: Body,
    /// What the start function does. Locals 0 and 1 are free.
    pub start: Body,
    /// What `cabi_realloc` answers; by default what a bump allocator does. Local 0 holds the new length.
    pub realloc: Option<i32>,
    /// The answer's bytes at [`RESULT`].
    pub answer: Vec<u8>,
    /// Bytes at [`HEAP`].
    pub heap: Vec<u8>,
    /// Pages of memory at the beginning.
    pub pages: u64,
    /// It converts instead of reconciling.
    pub converts: bool,
}

impl Default for Guest {
    fn default() -> Self {
        let nothing = || -> Body { Box::new(|_| {}) };
        Guest {
            body: nothing(),
            start: nothing(),
            realloc: None,
            answer: Answer::default().bytes(),
            heap: Vec::new(),
            pages: 2,
            converts: false,
        }
    }
}

impl Guest {
    pub(crate) fn doing(body: impl Fn(&mut InstructionSink<'_>) + 'static) -> Self {
        Guest { body: Box::new(body), ..Guest::default() }
    }

    pub(crate) fn starting(start: impl Fn(&mut InstructionSink<'_>) + 'static) -> Self {
        Guest { start: Box::new(start), ..Guest::default() }
    }

    pub(crate) fn answering(answer: &Answer) -> Self {
        Guest { answer: answer.bytes(), ..Guest::default() }
    }

    /// Converts whatever it is given into so many results, each what [`converted`] makes, which lie at [`HEAP`] with what they
    /// point to.
    pub(crate) fn converting(count: u32, heap: Vec<u8>) -> Self {
        let answer = [HEAP.to_le_bytes(), count.to_le_bytes()].concat();
        Guest { answer, heap, converts: true, ..Guest::default() }
    }

    pub(crate) fn exports(&self) -> Exports {
        Exports { reconciler: !self.converts, converter: self.converts, ..Exports::default() }
    }

    pub(crate) fn with_heap(self, heap: Vec<u8>) -> Self {
        Guest { heap, ..self }
    }

    pub(crate) fn module(&self) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32; 4], [ValType::I32]);
        types.ty().function([ValType::I32], [ValType::I32]);
        types.ty().function([], []);
        types.ty().function([ValType::I32], []);
        let convert = [[ValType::I32; 6].as_slice(), &[ValType::I64]].concat();
        types.ty().function(convert, [ValType::I32]);

        let mut functions = FunctionSection::new();
        let called = if self.converts { TYPE_CONVERT } else { TYPE_RECONCILE };
        for index in [TYPE_REALLOC, called, TYPE_START, TYPE_RECURSE] {
            functions.function(index);
        }
        let mut tables = TableSection::new();
        let funcref = RefType::FUNCREF;
        tables.table(TableType { element_type: funcref, table64: false, minimum: 1, maximum: None, shared: false });
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: self.pages,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("cabi_realloc", ExportKind::Func, 0);
        let name = match self.converts {
            true => "orkestra:pattern/converter#convert",
            false => "orkestra:pattern/reconciler#reconcile",
        };
        exports.export(name, ExportKind::Func, 1);
        // Functions that instructions name must be declared.
        let mut elements = ElementSection::new();
        elements.declared(Elements::Functions([2].as_slice().into()));

        let mut data = DataSection::new();
        let end = HEAP + u32::try_from(self.heap.len()).expect("a small heap");
        data.active(0, &ConstExpr::i32_const(0), FREE.max(end.next_multiple_of(16)).to_le_bytes());
        data.active(0, &ConstExpr::i32_const(RESULT as i32), self.answer.iter().copied());
        data.active(0, &ConstExpr::i32_const(HEAP as i32), self.heap.iter().copied());

        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&tables)
            .section(&memories)
            .section(&exports)
            .section(&StartSection { function_index: 2 })
            .section(&elements)
            .section(&self.code())
            .section(&data);
        module.finish()
    }

    fn code(&self) -> CodeSection {
        let mut code = CodeSection::new();

        // A bump allocator whose mark lies at address 0; alignment is 16 always. It never grows the memory.
        let mut realloc = Function::new([(1, ValType::I32)]);
        let mut i = realloc.instructions();
        match self.realloc {
            Some(answer) => {
                i.i32_const(answer);
            }
            None => {
                let mark = wasm_encoder::MemArg { offset: 0, align: 2, memory_index: 0 };
                i.i32_const(0).i32_load(mark).local_set(4);
                i.i32_const(0);
                i.local_get(4).local_get(3).i32_add().i32_const(15).i32_add().i32_const(-16).i32_and();
                i.i32_store(mark).local_get(4);
            }
        }
        i.end();
        code.function(&realloc);

        let mut reconcile = Function::new([(2, ValType::I32)]);
        let mut i = reconcile.instructions();
        (self.body)(&mut i);
        i.i32_const(RESULT as i32).end();
        code.function(&reconcile);

        let mut start = Function::new([(2, ValType::I32)]);
        let mut i = start.instructions();
        (self.start)(&mut i);
        i.end();
        code.function(&start);

        let mut recurse = Function::new([]);
        let mut i = recurse.instructions();
        i.local_get(0).if_(wasm_encoder::BlockType::Empty);
        i.local_get(0).i32_const(1).i32_sub().call(RECURSE).end().end();
        code.function(&recurse);
        code
    }
}

/// A `result<plan, failure>` as the canonical ABI lays it out, with the parts that the tests lie about.
#[derive(Clone)]
pub(crate) struct Answer {
    /// 0: a plan, 1: a failure.
    pub tag: u8,
    pub children: (u32, u32),
    pub status: (u32, u32),
    pub pending: (u32, u32),
    pub reads: (u32, u32),
    pub requeue_tag: u8,
}

impl Default for Answer {
    fn default() -> Self {
        Answer { tag: 0, children: (0, 0), status: (HEAP, 0), pending: (0, 0), reads: (0, 0), requeue_tag: 0 }
    }
}

impl Answer {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 88];
        let mut put = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let empty = (HEAP, 0);
        let lists =
            [(8, self.children), (16, self.status), (24, self.pending), (32, self.reads), (40, empty), (48, empty)];
        for (at, (pointer, length)) in lists {
            put(at, pointer);
            put(at + 4, length);
        }
        bytes[0] = self.tag;
        bytes[56] = self.requeue_tag;
        bytes
    }
}

/// A `child` of 48 bytes: its id and its object.
pub(crate) fn child(id: (u32, u32), policy: u8, object: (u32, u32)) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    let mut put = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(0, id.0);
    put(4, id.1);
    put(20, policy.into());
    put(24, 1);
    put(28, object.0);
    put(32, object.1);
    bytes
}

/// A `result<conversion, failure>` of 32 bytes: an object and what it cost.
pub(crate) fn converted(object: (u32, u32)) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    bytes[8..12].copy_from_slice(&object.0.to_le_bytes());
    bytes[12..16].copy_from_slice(&object.1.to_le_bytes());
    bytes
}

/// A `wanted-read` of 48 bytes: its id and its labels, of 16 bytes each; no requirements, and no namespace.
pub(crate) fn wanted_read(id: (u32, u32), name_tag: u8, labels: (u32, u32)) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    let mut put = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(0, id.0);
    put(4, id.1);
    put(8, name_tag.into());
    put(20, labels.0);
    put(24, labels.1);
    bytes
}
