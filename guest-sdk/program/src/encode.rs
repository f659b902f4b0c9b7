//! Model → bytes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::bytes::{put_number, put_signed};
use crate::layout::{FIELDS, MAGIC, VERSION, tag};
use crate::model::{
    Child, Conversion, Each, Entry, Expr, Fold, ForEach, Given, Hole, Located, Loop, LoopKind, Made, MadeObject,
    Mutation, Once, Others, Policy, Program, Requeue, Root, Rule, Schema, Select, Shape, Target, Template, Version,
};

/// The bytes of a program: the same for the same program, on every machine.
///
/// Bounds are checked by readers, not here; [`decode`](crate::decode) of the result names the one that is exceeded.
pub fn encode(program: &Program) -> Vec<u8> {
    let mut encoder = Encoder::default();
    let mut entries = Vec::new();
    for entry in &program.entries {
        let name = encoder.pooled(entry.name.as_bytes());
        let record = encoder.entry(entry);
        encoder.directory(&mut entries, name, &record);
    }
    let mut evaluations = Vec::new();
    for evaluation in &program.evaluations {
        let name = encoder.pooled(evaluation.name.as_bytes());
        let mut record = Vec::new();
        put_number(&mut record, evaluation.bindings.len() as u64);
        for binding in &evaluation.bindings {
            encoder.put_string(&mut record, binding);
        }
        encoder.located(&mut record, &evaluation.value);
        encoder.directory(&mut evaluations, name, &record);
    }

    let mut out = Vec::new();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    let sections = [&encoder.index, &encoder.pool, &entries, &evaluations, &encoder.code];
    for section in sections {
        out.extend_from_slice(&(section.len() as u32).to_le_bytes());
    }
    for section in sections {
        out.extend_from_slice(section);
    }
    out
}

#[derive(Default)]
pub(crate) struct Encoder {
    known: BTreeMap<Vec<u8>, u32>,
    index: Vec<u8>,
    pool: Vec<u8>,
    code: Vec<u8>,
}

impl Encoder {
    fn pooled(&mut self, bytes: &[u8]) -> u32 {
        if let Some(number) = self.known.get(bytes) {
            return *number;
        }
        let number = self.known.len() as u32;
        self.pool.extend_from_slice(bytes);
        self.index.extend_from_slice(&(self.pool.len() as u32).to_le_bytes());
        self.known.insert(bytes.to_vec(), number);
        number
    }

    pub(crate) fn put_string(&mut self, out: &mut Vec<u8>, text: &str) {
        self.put_bytes(out, text.as_bytes());
    }

    fn put_bytes(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        let number = self.pooled(bytes);
        put_number(out, u64::from(number));
    }

    fn directory(&mut self, out: &mut Vec<u8>, name: u32, record: &[u8]) {
        out.extend_from_slice(&name.to_le_bytes());
        out.extend_from_slice(&(self.code.len() as u32).to_le_bytes());
        out.extend_from_slice(&(record.len() as u32).to_le_bytes());
        self.code.extend_from_slice(record);
    }

    fn entry(&mut self, entry: &Entry) -> Vec<u8> {
        let Entry {
            name: _,
            vars,
            reads,
            children,
            status,
            conditions,
            versions,
            conversions,
            mutations,
            rules,
            requeues,
        } = entry;
        let mut out = Vec::new();
        put_number(&mut out, vars.len() as u64);
        for var in vars {
            self.block(&mut out, |this, out| this.located(out, var));
        }
        put_number(&mut out, reads.len() as u64);
        for read in reads {
            self.block(&mut out, |this, out| this.read(out, read));
        }
        put_number(&mut out, children.len() as u64);
        for child in children {
            self.block(&mut out, |this, out| this.child(out, child));
        }
        put_number(&mut out, status.len() as u64);
        for field in status {
            self.block(&mut out, |this, out| this.status(out, field));
        }
        put_number(&mut out, conditions.len() as u64);
        for condition in conditions {
            self.block(&mut out, |this, out| this.condition(out, condition));
        }
        put_number(&mut out, versions.len() as u64);
        for Version { name, schema } in versions {
            self.block(&mut out, |this, out| {
                this.put_string(out, name);
                this.schema(out, schema);
            });
        }
        put_number(&mut out, conversions.len() as u64);
        for conversion in conversions {
            self.block(&mut out, |this, out| this.conversion(out, conversion));
        }
        put_number(&mut out, mutations.len() as u64);
        for Mutation { path, overrides, value } in mutations {
            self.block(&mut out, |this, out| {
                this.keys(out, path);
                out.push(u8::from(*overrides));
                this.template(out, value);
            });
        }
        put_number(&mut out, rules.len() as u64);
        for Rule { field, deny, holds, message } in rules {
            self.block(&mut out, |this, out| {
                this.put_string(out, field);
                out.push(u8::from(*deny));
                this.block(out, |this, out| this.located(out, holds));
                this.located(out, message);
            });
        }
        put_number(&mut out, requeues.len() as u64);
        for Requeue { requires, reads, when, after } in requeues {
            self.block(&mut out, |this, out| {
                put_numbers(out, requires);
                put_numbers(out, reads);
                put_number(out, *after);
                this.located(out, when);
            });
        }
        out
    }

    fn conversion(&mut self, out: &mut Vec<u8>, conversion: &Conversion) {
        let Conversion { from, to, lossy, object } = conversion;
        put_number(out, u64::from(*from));
        put_number(out, u64::from(*to));
        put_number(out, lossy.len() as u64);
        for path in lossy {
            self.keys(out, path);
        }
        self.made(out, object);
    }

    fn keys(&mut self, out: &mut Vec<u8>, keys: &[alloc::string::String]) {
        put_number(out, keys.len() as u64);
        for key in keys {
            self.put_string(out, key);
        }
    }

    fn schema(&mut self, out: &mut Vec<u8>, schema: &Schema) {
        let Schema { nullable, shape } = schema;
        let tag = match shape {
            Shape::Any => tag::S_ANY,
            Shape::Object(..) => tag::S_OBJECT,
            Shape::List(..) => tag::S_LIST,
            Shape::String => tag::S_STRING,
            Shape::Int => tag::S_INT,
            Shape::Number => tag::S_NUMBER,
            Shape::Bool => tag::S_BOOL,
            Shape::IntOrString => tag::S_INT_OR_STRING,
        };
        out.push(tag << 1 | u8::from(*nullable));
        match shape {
            Shape::Object(fields, others) => {
                put_number(out, fields.len() as u64);
                match others {
                    None => out.push(0),
                    Some(schema) => {
                        out.push(1);
                        self.block(out, |this, out| this.schema(out, schema));
                    }
                }
                let mut code = Vec::new();
                for (at, (name, schema)) in fields.iter().enumerate() {
                    if at > 0 && at % FIELDS == 0 {
                        out.extend_from_slice(&(code.len() as u32).to_le_bytes());
                    }
                    self.put_string(&mut code, name);
                    self.block(&mut code, |this, out| this.schema(out, schema));
                }
                out.extend_from_slice(&code);
            }
            Shape::List(items, keys) => {
                self.keys(out, keys);
                self.block(out, |this, out| this.schema(out, items));
            }
            _ => {}
        }
    }

    pub(crate) fn block(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Self, &mut Vec<u8>)) {
        let mut inner = Vec::new();
        write(self, &mut inner);
        put_number(out, inner.len() as u64);
        out.extend_from_slice(&inner);
    }

    fn child(&mut self, out: &mut Vec<u8>, child: &Child) {
        let Child { id, policy, requires, reads, for_each, when, ready_when, manifest } = child;
        self.put_string(out, id);
        out.push(match policy {
            Policy::Create => 0,
            Policy::Apply => 1,
            Policy::Delete => 2,
        });
        put_numbers(out, requires);
        put_numbers(out, reads);
        match for_each {
            None => out.push(0),
            Some(ForEach { range, key }) => {
                out.push(1);
                self.block(out, |this, out| this.located(out, range));
                self.optional_located(out, key.as_ref());
            }
        }
        self.optional_located(out, when.as_ref());
        self.optional_located(out, ready_when.as_ref());
        self.template(out, manifest);
    }

    pub(crate) fn optional_located(&mut self, out: &mut Vec<u8>, located: Option<&Located>) {
        match located {
            None => out.push(0),
            Some(located) => {
                out.push(1);
                self.block(out, |this, out| this.located(out, located));
            }
        }
    }

    pub(crate) fn template(&mut self, out: &mut Vec<u8>, template: &Template) {
        match template {
            Template::Raw(json) => {
                out.push(tag::T_RAW);
                self.put_string(out, json);
            }
            Template::Hole(Hole { value, target, absent }) => {
                out.push(tag::T_HOLE);
                let target = match target {
                    Target::Any => 0,
                    Target::String => 1,
                    Target::Int => 2,
                    Target::Number => 3,
                    Target::Bool => 4,
                    Target::IntOrString => 5,
                };
                out.push(target << 1 | u8::from(*absent));
                self.located(out, value);
            }
            Template::Object(members) => {
                out.push(tag::T_OBJECT);
                put_number(out, members.len() as u64);
                for (key, value) in members {
                    self.put_string(out, key);
                    self.template(out, value);
                }
            }
            Template::List(items) => {
                out.push(tag::T_LIST);
                put_number(out, items.len() as u64);
                for item in items {
                    self.template(out, item);
                }
            }
            Template::Once(Once { key, value }) => {
                out.push(tag::T_ONCE);
                self.put_string(out, key);
                self.block(out, |this, out| this.template(out, value));
            }
        }
    }

    fn made(&mut self, out: &mut Vec<u8>, made: &Made) {
        match made {
            Made::Copy(path) => {
                out.push(tag::M_COPY);
                self.keys(out, path);
            }
            Made::Object(object) => self.made_object(out, object),
            Made::Each(Each { from, item }) => {
                out.push(tag::M_EACH);
                self.keys(out, from);
                self.block(out, |this, out| this.made(out, item));
            }
            Made::Given(given) => self.given(out, given),
        }
    }

    fn made_object(&mut self, out: &mut Vec<u8>, object: &MadeObject) {
        let MadeObject { from, taken, members, rest } = object;
        out.push(tag::M_OBJECT);
        out.push(u8::from(from.is_some()) | u8::from(*taken) << 1);
        self.keys(out, from.as_deref().unwrap_or_default());
        match rest {
            None => out.push(0),
            Some(Others { except, value: None }) => {
                out.push(1);
                self.keys(out, except);
            }
            Some(Others { except, value: Some(value) }) => {
                out.push(2);
                self.keys(out, except);
                self.block(out, |this, out| this.made(out, value));
            }
        }
        put_number(out, members.len() as u64);
        for (key, value) in members {
            self.put_string(out, key);
            self.made(out, value);
        }
    }

    fn given(&mut self, out: &mut Vec<u8>, given: &Given) {
        let Given { sources, whole, schema, value } = given;
        out.push(tag::M_GIVEN);
        out.push(u8::from(*whole));
        put_number(out, sources.len() as u64);
        for source in sources {
            out.push(u8::from(source.item));
            self.keys(out, &source.path);
        }
        match schema {
            None => out.push(0),
            Some(schema) => {
                out.push(1);
                self.block(out, |this, out| this.schema(out, schema));
            }
        }
        self.block(out, |this, out| this.template(out, value));
    }

    pub(crate) fn located(&mut self, out: &mut Vec<u8>, located: &Located) {
        self.put_string(out, &located.at);
        self.expr(out, &located.expr);
    }

    fn expr_block(&mut self, out: &mut Vec<u8>, expr: &Expr) {
        self.block(out, |this, out| this.expr(out, expr));
    }

    fn expr(&mut self, out: &mut Vec<u8>, expr: &Expr) {
        match expr {
            Expr::Null => out.push(tag::NULL),
            Expr::Bool(false) => out.push(tag::FALSE),
            Expr::Bool(true) => out.push(tag::TRUE),
            Expr::Int(value) => {
                out.push(tag::INT);
                put_signed(out, *value);
            }
            Expr::Uint(value) => {
                out.push(tag::UINT);
                put_number(out, *value);
            }
            Expr::Double(value) => {
                out.push(tag::DOUBLE);
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Expr::String(text) => {
                out.push(tag::STRING);
                self.put_string(out, text);
            }
            Expr::Bytes(bytes) => {
                out.push(tag::BYTES);
                self.put_bytes(out, bytes);
            }
            Expr::Type(name) => {
                out.push(tag::TYPE);
                self.put_string(out, name);
            }
            Expr::Duration(nanos) => {
                out.push(tag::DURATION);
                out.extend_from_slice(&nanos.to_le_bytes());
            }
            Expr::Timestamp(nanos) => {
                out.push(tag::TIMESTAMP);
                out.extend_from_slice(&nanos.to_le_bytes());
            }
            Expr::Root(root) => {
                out.push(tag::ROOT);
                out.push(root_number(*root));
            }
            Expr::Var(number) => put_reference(out, tag::VAR, *number),
            Expr::Child(number) => put_reference(out, tag::CHILD, *number),
            Expr::Read(number) => put_reference(out, tag::READ, *number),
            Expr::Binding(number) => put_reference(out, tag::BINDING, *number),
            Expr::Local(number) => put_reference(out, tag::LOCAL, *number),
            Expr::Bind { slot, init, body } => {
                put_reference(out, tag::BIND, *slot);
                self.expr_block(out, init);
                self.expr(out, body);
            }
            Expr::Select { operand, field, mode } => {
                out.push(match mode {
                    Select::Strict => tag::SELECT_STRICT,
                    Select::Optional => tag::SELECT_OPTIONAL,
                    Select::Test => tag::SELECT_TEST,
                });
                self.put_string(out, field);
                self.expr(out, operand);
            }
            Expr::Index { operand, index, optional } => {
                out.push(if *optional { tag::INDEX_OPTIONAL } else { tag::INDEX });
                self.expr(out, operand);
                self.expr(out, index);
            }
            Expr::List(items) => {
                out.push(tag::LIST);
                put_number(out, items.len() as u64);
                for item in items {
                    out.push(u8::from(item.optional));
                    self.expr(out, &item.value);
                }
            }
            Expr::Map(pairs) => {
                out.push(tag::MAP);
                put_number(out, pairs.len() as u64);
                for pair in pairs {
                    out.push(u8::from(pair.optional));
                    self.expr(out, &pair.key);
                    self.expr(out, &pair.value);
                }
            }
            Expr::And(left, right) => self.blocks(out, tag::AND, &[left, right]),
            Expr::Or(left, right) => self.blocks(out, tag::OR, &[left, right]),
            Expr::Cond(condition, then, otherwise) => self.blocks(out, tag::COND, &[condition, then, otherwise]),
            Expr::Default(value, fallback) => self.blocks(out, tag::DEFAULT, &[value, fallback]),
            Expr::Call(function, arguments) if function.lazy() && arguments.len() == 2 => {
                out.push(tag::LAZY_CALL);
                put_number(out, *function as u64);
                for argument in arguments {
                    self.expr_block(out, argument);
                }
            }
            Expr::Call(function, arguments) => {
                out.push(tag::CALL);
                put_number(out, *function as u64);
                put_number(out, arguments.len() as u64);
                for argument in arguments {
                    self.expr(out, argument);
                }
            }
            Expr::Concat(parts) => {
                out.push(tag::CONCAT);
                put_number(out, parts.len() as u64);
                for part in parts {
                    self.expr(out, part);
                }
            }
            Expr::Loop(macro_loop) => {
                out.push(tag::LOOP);
                self.block(out, |this, out| this.macro_loop(out, macro_loop));
            }
            Expr::Fold(fold) => {
                out.push(tag::FOLD);
                self.block(out, |this, out| this.fold(out, fold));
            }
        }
    }

    fn blocks(&mut self, out: &mut Vec<u8>, tag: u8, operands: &[&Expr]) {
        out.push(tag);
        for operand in operands {
            self.expr_block(out, operand);
        }
    }

    fn macro_loop(&mut self, out: &mut Vec<u8>, macro_loop: &Loop) {
        let Loop { kind, range, slot, slot2, predicate, result } = macro_loop;
        out.push(match kind {
            LoopKind::All => 0,
            LoopKind::Exists => 1,
            LoopKind::ExistsOne => 2,
            LoopKind::Filter => 3,
            LoopKind::Map => 4,
            LoopKind::TransformMap => 5,
            LoopKind::TransformMapEntry => 6,
        });
        put_slots(out, *slot, *slot2);
        self.expr_block(out, range);
        for part in [predicate, result] {
            match part {
                None => out.push(0),
                Some(part) => {
                    out.push(1);
                    self.expr_block(out, part);
                }
            }
        }
    }

    fn fold(&mut self, out: &mut Vec<u8>, fold: &Fold) {
        let Fold { range, slot, slot2, accumulator, init, condition, step, result } = fold;
        put_slots(out, *slot, *slot2);
        put_number(out, u64::from(*accumulator));
        for part in [range, init, condition, step, result] {
            self.expr_block(out, part);
        }
    }
}

fn root_number(root: Root) -> u8 {
    match root {
        Root::Object => 0,
        Root::Metadata => 1,
        Root::Spec => 2,
        Root::Status => 3,
        Root::Inputs => 4,
        Root::Hooks => 5,
        Root::Now => 6,
        Root::This => 7,
    }
}

fn put_reference(out: &mut Vec<u8>, tag: u8, number: u16) {
    out.push(tag);
    put_number(out, u64::from(number));
}

fn put_slots(out: &mut Vec<u8>, slot: u16, slot2: Option<u16>) {
    put_number(out, u64::from(slot));
    match slot2 {
        None => out.push(0),
        Some(slot2) => {
            out.push(1);
            put_number(out, u64::from(slot2));
        }
    }
}

pub(crate) fn put_numbers(out: &mut Vec<u8>, numbers: &[u16]) {
    put_number(out, numbers.len() as u64);
    for number in numbers {
        put_number(out, u64::from(*number));
    }
}
