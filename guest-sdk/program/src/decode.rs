//! Bytes → model: what `ork inspect` prints, and the check of a whole program.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::bytes::Code;
use crate::error::ReadError;
use crate::layout::{MAX_EXPRESSION_DEPTH, MAX_TEMPLATE_DEPTH};
use crate::model::{
    self, Child, Condition, Conversion, Each, Entry, Evaluation, Expr, Fold, ForEach, Given, Hole, Item, Located, Loop,
    Made, MadeObject, Mutation, Once, Others, Pair, Read, Requeue, Requirement, Rule, Schema, Selector, Shape, Source,
    StatusField, Template, Version, Which,
};
use crate::reader::Program;
use crate::reads::WhichCode;
use crate::records::{EntryCode, GivenCode, Keys, MadeNode, MadeObjectCode, Node, Numbers, ShapeNode, TemplateNode};

/// The model of a program. Every byte is read and checked: a program that decodes has no record that an engine can't read.
///
/// # Errors
/// The first thing that is not as the format asks.
pub fn decode(bytes: &[u8]) -> Result<model::Program, ReadError> {
    let program = Program::read(bytes)?;
    let mut model = model::Program::default();
    while let Some(code) = program.entry(model.entries.len())? {
        model.entries.push(entry(&program, &code)?);
    }
    while let Some(evaluation) = program.evaluation(model.evaluations.len())? {
        let mut bindings = Vec::new();
        while let Some(name) = program.binding(&evaluation, bindings.len())? {
            bindings.push(name.into());
        }
        let value = whole_located(&program, evaluation.value, Scope { vars: 0, children: 0, reads: 0 })?;
        model.evaluations.push(Evaluation { name: evaluation.name.into(), bindings, value });
    }
    Ok(model)
}

fn entry(program: &Program<'_>, code: &EntryCode<'_>) -> Result<Entry, ReadError> {
    let mut entry = Entry { name: code.name.into(), ..Entry::default() };
    let all = Scope { vars: code.vars.len(), children: code.children.len(), reads: code.reads.len() };
    for code in code.vars {
        // A variable reads only earlier ones, but any child.
        let value = whole_located(program, code, Scope { vars: entry.vars.len(), ..all })?;
        entry.vars.push(value);
    }
    for code in code.reads {
        entry.reads.push(read(program, code, Scope { children: 0, reads: 0, ..all })?);
    }
    for code in code.children {
        // A template reads only children that come before it.
        let scope = Scope { children: entry.children.len(), ..all };
        entry.children.push(child(program, code, scope)?);
    }
    for code in code.status {
        let record = program.status(code)?;
        let path = program.path(&record).map(|key| key.map(String::from)).collect::<Result<Vec<_>, _>>()?;
        entry.status.push(StatusField {
            path,
            requires: numbers(record.requires, all.children)?,
            reads: numbers(record.reads, all.reads)?,
            when: record.when.map(|code| whole_located(program, code, all)).transpose()?,
            value: whole_template(program, record.value, all)?,
        });
    }
    for code in code.conditions {
        let record = program.condition(code)?;
        entry.conditions.push(Condition {
            kind: record.kind.into(),
            requires: numbers(record.requires, all.children)?,
            reads: numbers(record.reads, all.reads)?,
            when: whole_located(program, record.when, all)?,
            reason: record.reason.map(|code| whole_located(program, code, all)).transpose()?,
            message: whole_located(program, record.message, all)?,
        });
    }
    for code in code.versions {
        let record = program.version(code)?;
        entry.versions.push(Version { name: record.name.into(), schema: schema(program, record.schema, 0)? });
    }
    for code in code.conversions {
        let record = program.conversion(code)?;
        if [record.from, record.to].iter().any(|number| usize::from(*number) >= entry.versions.len()) {
            return Err(ReadError::Reference);
        }
        let (count, mut paths) = record.lossy;
        let mut lossy = Vec::new();
        for _ in 0..count {
            lossy.push(keys(program, program.next_keys(&mut paths)?)?);
        }
        // A conversion knows its object and nothing else.
        let nothing = Scope { vars: 0, children: 0, reads: 0 };
        let object = made_block(program, record.object, nothing, 0)?;
        entry.conversions.push(Conversion { from: record.from, to: record.to, lossy, object });
    }
    // The primary is changed and judged before anything is observed.
    let alone = Scope { children: 0, reads: 0, ..all };
    for code in code.mutations {
        let record = program.mutation(code)?;
        let path = keys(program, record.path)?;
        let value = whole_template(program, record.value, alone)?;
        entry.mutations.push(Mutation { path, overrides: record.overrides, value });
    }
    for code in code.rules {
        let record = program.rule(code)?;
        entry.rules.push(Rule {
            field: record.field.into(),
            deny: record.deny,
            holds: whole_located(program, record.holds, alone)?,
            message: whole_located(program, record.message, alone)?,
        });
    }
    for code in code.requeues {
        let record = program.requeue(code)?;
        entry.requeues.push(Requeue {
            requires: numbers(record.requires, all.children)?,
            reads: numbers(record.reads, all.reads)?,
            after: record.after,
            when: whole_located(program, record.when, all)?,
        });
    }
    Ok(entry)
}

fn keys<'p>(program: &Program<'p>, mut keys: Keys<'p>) -> Result<Vec<String>, ReadError> {
    let mut all = Vec::new();
    while let Some(key) = program.next_key(&mut keys)? {
        all.push(key.into());
    }
    Ok(all)
}

fn schema<'p>(program: &Program<'p>, code: Code<'p>, depth: u32) -> Result<Schema, ReadError> {
    if depth > MAX_TEMPLATE_DEPTH {
        return Err(ReadError::TemplateDepth);
    }
    let node = program.schema(code)?;
    let shape = match node.shape {
        ShapeNode::Any => Shape::Any,
        ShapeNode::Object(object) => {
            let mut fields = BTreeMap::new();
            for field in program.fields(&object)? {
                let (name, code) = field?;
                fields.insert(String::from(name), schema(program, code, depth + 1)?);
            }
            let others = object.others.map(|code| schema(program, code, depth + 1)).transpose()?;
            Shape::Object(fields, others.map(Box::new))
        }
        ShapeNode::List(names, items) => {
            Shape::List(Box::new(schema(program, items, depth + 1)?), keys(program, names)?)
        }
        ShapeNode::String => Shape::String,
        ShapeNode::Int => Shape::Int,
        ShapeNode::Number => Shape::Number,
        ShapeNode::Bool => Shape::Bool,
        ShapeNode::IntOrString => Shape::IntOrString,
    };
    Ok(Schema { nullable: node.nullable, shape })
}

fn read<'p>(program: &Program<'p>, code: Code<'p>, scope: Scope) -> Result<Read, ReadError> {
    let record = program.read_record(code)?;
    let which = match record.which {
        WhichCode::Name(code) => Which::Name(whole_located(program, code, scope)?),
        WhichCode::Selected(labels, requirements) => {
            let mut selector = Selector::default();
            for code in labels {
                let (key, value) = program.label(code)?;
                selector.labels.push((key.into(), whole_located(program, value, scope)?));
            }
            for code in requirements {
                let requirement = program.requirement(code)?;
                let values = requirement.values.map(|value| whole_located(program, value, scope));
                let values = values.collect::<Result<_, _>>()?;
                selector.requirements.push(Requirement {
                    key: requirement.key.into(),
                    operator: requirement.operator,
                    values,
                });
            }
            Which::Selected(selector)
        }
    };
    let namespace = record.namespace.map(|code| whole_located(program, code, scope)).transpose()?;
    Ok(Read { id: record.id.into(), which, namespace })
}

fn child(program: &Program<'_>, code: Code<'_>, scope: Scope) -> Result<Child, ReadError> {
    let record = program.child(code)?;
    let optional = |code: Option<Code<'_>>| code.map(|code| whole_located(program, code, scope)).transpose();
    let for_each = match record.for_each {
        None => None,
        Some(code) => Some(ForEach { range: whole_located(program, code.range, scope)?, key: optional(code.key)? }),
    };
    Ok(Child {
        id: record.id.into(),
        policy: record.policy,
        requires: numbers(record.requires, scope.children)?,
        reads: numbers(record.reads, scope.reads)?,
        for_each,
        when: optional(record.when)?,
        ready_when: optional(record.ready_when)?,
        manifest: whole_template(program, record.manifest, scope)?,
    })
}

/// How many variables, children and reads may be referred to.
#[derive(Clone, Copy)]
struct Scope {
    vars: usize,
    children: usize,
    reads: usize,
}

fn numbers(numbers: Numbers<'_>, below: usize) -> Result<Vec<u16>, ReadError> {
    let numbers: Vec<u16> = numbers.collect();
    if numbers.iter().any(|number| usize::from(*number) >= below) {
        return Err(ReadError::Reference);
    }
    Ok(numbers)
}

fn whole_located(program: &Program<'_>, code: Code<'_>, scope: Scope) -> Result<Located, ReadError> {
    let record = program.located(code)?;
    let mut code = record.expr;
    let expr = expr(program, &mut code, scope, 0)?;
    code.finish()?;
    Ok(Located { at: record.at.into(), expr })
}

fn whole_template<'p>(program: &Program<'p>, mut code: Code<'p>, scope: Scope) -> Result<Template, ReadError> {
    let value = template(program, &mut code, scope, 0)?;
    code.finish()?;
    Ok(value)
}

fn template<'p>(p: &Program<'p>, code: &mut Code<'p>, scope: Scope, depth: u32) -> Result<Template, ReadError> {
    if depth > MAX_TEMPLATE_DEPTH {
        return Err(ReadError::TemplateDepth);
    }
    Ok(match p.template(code)? {
        TemplateNode::Raw(json) => Template::Raw(json.into()),
        TemplateNode::Hole(hole) => {
            let value = Located { at: hole.at.into(), expr: expr(p, code, scope, 0)? };
            Template::Hole(Hole { value, target: hole.target, absent: hole.absent })
        }
        TemplateNode::Object(count) => {
            let mut members = Vec::new();
            for _ in 0..count {
                members.push((p.string(code)?.into(), template(p, code, scope, depth + 1)?));
            }
            Template::Object(members)
        }
        TemplateNode::List(count) => {
            let mut items = Vec::new();
            for _ in 0..count {
                items.push(template(p, code, scope, depth + 1)?);
            }
            Template::List(items)
        }
        TemplateNode::Once(key, mut code) => {
            let value = Box::new(template(p, &mut code, scope, depth + 1)?);
            code.finish()?;
            Template::Once(Once { key: key.into(), value })
        }
    })
}

fn made<'p>(p: &Program<'p>, code: &mut Code<'p>, scope: Scope, depth: u32) -> Result<Made, ReadError> {
    if depth > MAX_TEMPLATE_DEPTH {
        return Err(ReadError::TemplateDepth);
    }
    Ok(match p.made(code)? {
        MadeNode::Copy(path) => Made::Copy(keys(p, path)?),
        MadeNode::Object(record) => Made::Object(made_object(p, record, code, scope, depth)?),
        MadeNode::Each(from, item) => {
            let item = Box::new(made_block(p, item, scope, depth + 1)?);
            Made::Each(Each { from: keys(p, from)?, item })
        }
        MadeNode::Given(record) => Made::Given(given(p, record, scope, depth)?),
    })
}

fn made_block<'p>(p: &Program<'p>, mut code: Code<'p>, scope: Scope, depth: u32) -> Result<Made, ReadError> {
    let value = made(p, &mut code, scope, depth)?;
    code.finish()?;
    Ok(value)
}

fn template_block<'p>(p: &Program<'p>, mut code: Code<'p>, scope: Scope, depth: u32) -> Result<Template, ReadError> {
    let value = template(p, &mut code, scope, depth)?;
    code.finish()?;
    Ok(value)
}

fn made_object<'p>(
    p: &Program<'p>,
    record: MadeObjectCode<'p>,
    code: &mut Code<'p>,
    scope: Scope,
    depth: u32,
) -> Result<MadeObject, ReadError> {
    let rest = match record.rest {
        None => None,
        Some(others) => {
            let value = others.value.map(|code| made_block(p, code, scope, depth + 1)).transpose()?;
            Some(Others { except: keys(p, others.except)?, value: value.map(Box::new) })
        }
    };
    let mut members = Vec::new();
    for _ in 0..record.members {
        members.push((p.string(code)?.into(), made(p, code, scope, depth + 1)?));
    }
    let from = record.from.map(|path| keys(p, path)).transpose()?;
    Ok(MadeObject { from, taken: record.taken, members, rest })
}

fn given<'p>(p: &Program<'p>, record: GivenCode<'p>, scope: Scope, depth: u32) -> Result<Given, ReadError> {
    let (count, mut code) = record.sources;
    let mut sources = Vec::new();
    for _ in 0..count {
        let (item, path) = p.next_source(&mut code)?;
        sources.push(Source { item, path: keys(p, path)? });
    }
    let schema = record.schema.map(|code| self::schema(p, code, 0)).transpose()?;
    let value = Box::new(template_block(p, record.value, scope, depth + 1)?);
    Ok(Given { sources, whole: record.whole, schema, value })
}

fn block<'p>(p: &Program<'p>, mut code: Code<'p>, scope: Scope, depth: u32) -> Result<Expr, ReadError> {
    let value = expr(p, &mut code, scope, depth)?;
    code.finish()?;
    Ok(value)
}

fn exprs<'p>(p: &Program<'p>, code: &mut Code<'p>, n: usize, scope: Scope, depth: u32) -> Result<Vec<Expr>, ReadError> {
    let mut values = Vec::new();
    for _ in 0..n {
        values.push(expr(p, code, scope, depth)?);
    }
    Ok(values)
}

fn expr<'p>(p: &Program<'p>, code: &mut Code<'p>, scope: Scope, depth: u32) -> Result<Expr, ReadError> {
    if depth >= MAX_EXPRESSION_DEPTH {
        return Err(ReadError::ExpressionDepth);
    }
    let depth = depth + 1;
    Ok(match p.node(code)? {
        Node::Null => Expr::Null,
        Node::Bool(value) => Expr::Bool(value),
        Node::Int(value) => Expr::Int(value),
        Node::Uint(value) => Expr::Uint(value),
        Node::Double(value) => Expr::Double(value),
        Node::String(text) => Expr::String(text.into()),
        Node::Bytes(bytes) => Expr::Bytes(bytes.into()),
        Node::Type(name) => Expr::Type(name.into()),
        Node::Duration(nanos) => Expr::Duration(i128::from_le_bytes(*nanos)),
        Node::Timestamp(nanos) => Expr::Timestamp(i128::from_le_bytes(*nanos)),
        Node::Root(root) => Expr::Root(root),
        Node::Var(number) if usize::from(number) >= scope.vars => return Err(ReadError::Reference),
        Node::Var(number) => Expr::Var(number),
        Node::Child(number) if usize::from(number) >= scope.children => return Err(ReadError::Reference),
        Node::Child(number) => Expr::Child(number),
        Node::Read(number) if usize::from(number) >= scope.reads => return Err(ReadError::Reference),
        Node::Read(number) => Expr::Read(number),
        Node::Binding(number) => Expr::Binding(number),
        Node::Local(slot) => Expr::Local(slot),
        Node::Bind(slot, init) => {
            let init = Box::new(block(p, init, scope, depth)?);
            Expr::Bind { slot, init, body: Box::new(expr(p, code, scope, depth)?) }
        }
        Node::Select(mode, field) => {
            Expr::Select { operand: Box::new(expr(p, code, scope, depth)?), field: field.into(), mode }
        }
        Node::Index(optional) => {
            let operand = Box::new(expr(p, code, scope, depth)?);
            Expr::Index { operand, index: Box::new(expr(p, code, scope, depth)?), optional }
        }
        Node::List(count) => {
            let mut items = Vec::new();
            for _ in 0..count {
                let optional = code.flag()?;
                items.push(Item { value: expr(p, code, scope, depth)?, optional });
            }
            Expr::List(items)
        }
        Node::Map(count) => {
            let mut pairs = Vec::new();
            for _ in 0..count {
                let optional = code.flag()?;
                let key = expr(p, code, scope, depth)?;
                pairs.push(Pair { key, value: expr(p, code, scope, depth)?, optional });
            }
            Expr::Map(pairs)
        }
        Node::And(a, b) => Expr::And(Box::new(block(p, a, scope, depth)?), Box::new(block(p, b, scope, depth)?)),
        Node::Or(a, b) => Expr::Or(Box::new(block(p, a, scope, depth)?), Box::new(block(p, b, scope, depth)?)),
        Node::Default(a, b) => {
            Expr::Default(Box::new(block(p, a, scope, depth)?), Box::new(block(p, b, scope, depth)?))
        }
        Node::Cond(a, b, c) => {
            let [a, b, c] = [block(p, a, scope, depth)?, block(p, b, scope, depth)?, block(p, c, scope, depth)?];
            Expr::Cond(Box::new(a), Box::new(b), Box::new(c))
        }
        Node::Call(function, count) => Expr::Call(function, exprs(p, code, count, scope, depth)?),
        Node::LazyCall(function, a, b) => {
            Expr::Call(function, vec![block(p, a, scope, depth)?, block(p, b, scope, depth)?])
        }
        Node::Concat(count) => Expr::Concat(exprs(p, code, count, scope, depth)?),
        Node::Loop(code) => {
            let head = p.macro_loop(code)?;
            Expr::Loop(Box::new(Loop {
                kind: head.kind,
                range: block(p, head.range, scope, depth)?,
                slot: head.slot,
                slot2: head.slot2,
                predicate: head.predicate.map(|code| block(p, code, scope, depth)).transpose()?,
                result: head.result.map(|code| block(p, code, scope, depth)).transpose()?,
            }))
        }
        Node::Fold(code) => {
            let head = p.fold(code)?;
            Expr::Fold(Box::new(Fold {
                range: block(p, head.range, scope, depth)?,
                slot: head.slot,
                slot2: head.slot2,
                accumulator: head.accumulator,
                init: block(p, head.init, scope, depth)?,
                condition: block(p, head.condition, scope, depth)?,
                step: block(p, head.step, scope, depth)?,
                result: block(p, head.result, scope, depth)?,
            }))
        }
    })
}
