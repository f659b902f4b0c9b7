//! The evaluator: direct recursion over prefix code.

mod env;
mod literals;
mod loops;
mod select;

use bumpalo::Bump;
use orkestra_program::function::Function;
use orkestra_program::layout::MAX_EXPRESSION_DEPTH;
use orkestra_program::model::Select;
use orkestra_program::{Code, Node, Program, ReadError};

use crate::convert::Source;
use crate::cost::{self, Meter};
use crate::fault::{Fault, Res};
use crate::functions;
use crate::time::Timestamp;
use crate::value::Value;

pub(crate) use env::{Bindings, EntryEnv, Env, Subject, Var};

/// Everything that evaluation needs, for one call.
pub(crate) struct Machine<'a> {
    pub(crate) arena: &'a Bump,
    pub(crate) program: Program<'a>,
    pub(crate) meter: Meter,
    pub(crate) env: Env<'a>,
    pub(crate) patterns: functions::Patterns<'a>,
    /// The child that is being planned, where there is one.
    pub(crate) subject: Option<Subject<'a>>,
    /// What is being converted, where something is.
    pub(crate) source: Option<Source<'a>>,
    /// How many random texts were drawn for it.
    pub(crate) draws: u64,
    /// Locals of all expressions that are under way, the innermost last. A local may hold a fault: it counts only if used.
    locals: Vec<Option<Res<'a, Value<'a>>>>,
    /// Where the present expression's locals begin.
    base: usize,
    /// How many more levels there may be.
    levels: u32,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(arena: &'a Bump, program: Program<'a>, budget: u64, env: Env<'a>) -> Machine<'a> {
        Machine {
            arena,
            program,
            meter: Meter::new(budget),
            env,
            patterns: functions::Patterns::default(),
            subject: None,
            source: None,
            draws: 0,
            locals: Vec::new(),
            base: 0,
            levels: MAX_EXPRESSION_DEPTH,
        }
    }

    /// An error of CEL's own.
    pub(crate) fn error<T>(&self, message: &'static str) -> Res<'a, T> {
        Err(Fault::expression(self.arena, message))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn malformed(&self, error: ReadError) -> Fault<'a> {
        Fault::program(self.arena, error)
    }

    /// A whole expression, with its own budget and locals. Its faults carry its place.
    pub(crate) fn located(&mut self, code: Code<'a>) -> Res<'a, Value<'a>> {
        let record = self.program.located(code).map_err(|error| self.malformed(error))?;
        let mut code = record.expr;
        self.expression(record.at, &mut code)
    }

    /// The place of an expression.
    pub(crate) fn place(&self, code: Code<'a>) -> Res<'a, &'a str> {
        self.program.located(code).map(|record| record.at).map_err(|error| self.malformed(error))
    }

    /// The same for an expression that something else follows.
    pub(crate) fn expression(&mut self, at: &'a str, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        let meter = self.meter.enter();
        let base = core::mem::replace(&mut self.base, self.locals.len());
        if let Some(element) = self.subject.and_then(|subject| subject.element) {
            self.locals.extend([Some(Ok(element.item)), Some(Ok(Value::String(element.key)))]);
        }
        let result = self.eval(code);
        self.locals.truncate(self.base);
        self.base = base;
        self.meter.leave(meter);
        result.map_err(|fault| fault.located(self.arena, at))
    }

    /// An expression that something else follows.
    ///
    /// Every level of an expression has one frame of this function and one of its construct's: both are kept small, so
    /// that the deepest expression fits the module's small stack.
    pub(crate) fn eval(&mut self, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        match self.program.node(code) {
            Err(error) => Err(self.malformed(error)),
            Ok(Node::Null) => Ok(Value::Null),
            Ok(Node::Bool(value)) => Ok(Value::Bool(value)),
            Ok(Node::Int(value)) => Ok(Value::Int(value)),
            Ok(Node::Uint(value)) => Ok(Value::Uint(value)),
            Ok(Node::Double(value)) => Ok(Value::Double(value)),
            Ok(Node::String(text)) => Ok(Value::String(text)),
            Ok(Node::Bytes(bytes)) => Ok(Value::Bytes(bytes)),
            Ok(Node::Type(name)) => Ok(Value::Type(name)),
            Ok(Node::Local(slot)) => self.local(slot),
            Ok(node) => {
                let Some(levels) = self.levels.checked_sub(1) else { return Err(Fault::depth()) };
                self.levels = levels;
                let result = self.compound(&node, code);
                self.levels = levels + 1;
                result
            }
        }
    }

    /// An expression that stands alone.
    #[inline(never)]
    pub(crate) fn block(&mut self, mut code: Code<'a>) -> Res<'a, Value<'a>> {
        self.eval(&mut code)
    }

    #[inline(never)]
    fn compound(&mut self, node: &Node<'a>, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        match *node {
            Node::Root(root) => self.root(root),
            Node::Var(number) => self.var(number),
            Node::Child(number) => self.child(number),
            Node::Read(number) => self.read(number),
            Node::Binding(number) => self.binding(number),
            Node::Bind(slot, init) => self.bind(slot, init, code),
            Node::Select(mode, field) => self.eval_select(mode, field, code),
            Node::Index(optional) => self.eval_index(optional, code),
            Node::And(left, right) => self.junction(left, right, false),
            Node::Or(left, right) => self.junction(left, right, true),
            Node::Cond(condition, then, otherwise) => self.conditional(condition, then, otherwise),
            Node::Default(value, fallback) => self.default(value, fallback),
            Node::Call(function, 1) => self.unary(function, code),
            Node::Call(function, 2) => self.binary(function, code),
            Node::Call(function, count) => self.variadic(function, count, code),
            Node::LazyCall(function, first, second) => functions::call_lazy(self, function, first, second),
            Node::List(count) => self.list(count, code),
            Node::Map(count) => self.map(count, code),
            Node::Concat(count) => self.concat(count, code),
            Node::Loop(code) => self.macro_loop(code),
            Node::Fold(code) => self.fold(code),
            Node::Duration(nanos) => self.duration(nanos),
            Node::Timestamp(nanos) => self.timestamp(nanos),
            // The others have no operands, and are not looked at twice.
            _ => Err(self.malformed(ReadError::Number)),
        }
    }

    #[inline(never)]
    fn duration(&self, nanos: &[u8; 16]) -> Res<'a, Value<'a>> {
        let nanos = i64::try_from(i128::from_le_bytes(*nanos));
        nanos.map(Value::Duration).map_err(|_| self.malformed(ReadError::Number))
    }

    #[inline(never)]
    fn timestamp(&self, nanos: &[u8; 16]) -> Res<'a, Value<'a>> {
        let timestamp = Timestamp::from_nanos(i128::from_le_bytes(*nanos));
        timestamp.map(Value::Timestamp).ok_or_else(|| self.malformed(ReadError::Number))
    }

    #[inline(never)]
    fn bind(&mut self, slot: u16, init: Code<'a>, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        let value = self.block(init);
        self.set(slot, value)?;
        self.eval(code)
    }

    #[inline(never)]
    fn eval_select(&mut self, mode: Select, field: &'a str, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        let operand = self.eval(code)?;
        self.select(operand, field, mode)
    }

    #[inline(never)]
    fn eval_index(&mut self, optional: bool, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        let operand = self.eval(code)?;
        let index = self.eval(code)?;
        self.index(operand, index, optional)
    }

    #[inline(never)]
    fn conditional(&mut self, condition: Code<'a>, then: Code<'a>, otherwise: Code<'a>) -> Res<'a, Value<'a>> {
        match self.block(condition)? {
            Value::Bool(true) => self.block(then),
            Value::Bool(false) => self.block(otherwise),
            other => Err(self.no_overload("_?_:_", &[other])),
        }
    }

    #[inline(never)]
    fn default(&mut self, value: Code<'a>, fallback: Code<'a>) -> Res<'a, Value<'a>> {
        match self.block(value)? {
            Value::Null | Value::Optional(None | Some(Value::Null)) => self.block(fallback),
            Value::Optional(Some(value)) => Ok(*value),
            value => Ok(value),
        }
    }

    #[inline(never)]
    fn unary(&mut self, function: Function, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        let argument = self.eval(code)?;
        functions::call(self, function, &[argument])
    }

    #[inline(never)]
    fn binary(&mut self, function: Function, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        let mut arguments = [Value::Null; 2];
        for argument in &mut arguments {
            *argument = self.eval(code)?;
        }
        functions::call(self, function, &arguments)
    }

    #[inline(never)]
    fn variadic(&mut self, function: Function, count: usize, code: &mut Code<'a>) -> Res<'a, Value<'a>> {
        let mut arguments = bumpalo::collections::Vec::with_capacity_in(count, self.arena);
        for _ in 0..count {
            arguments.push(self.eval(code)?);
        }
        functions::call(self, function, arguments.into_bump_slice())
    }

    /// `&&` and `||`: a decisive operand wins over an error of the other one, on either side.
    #[inline(never)]
    fn junction(&mut self, left: Code<'a>, right: Code<'a>, decisive: bool) -> Res<'a, Value<'a>> {
        let left = self.block(left);
        match left {
            Ok(Value::Bool(value)) if value == decisive => return left,
            Err(fault) if fault.is_final() => return left,
            _ => {}
        }
        let right = self.block(right);
        match (left, right) {
            (_, Ok(Value::Bool(value))) if value == decisive => right,
            (_, Err(fault)) if fault.is_final() => right,
            (Err(_), _) => left,
            (_, Err(_)) => right,
            (Ok(Value::Bool(_)), Ok(Value::Bool(_))) => Ok(Value::Bool(!decisive)),
            (Ok(left), Ok(right)) => Err(self.no_overload(if decisive { "_||_" } else { "_&&_" }, &[left, right])),
        }
    }

    #[inline(never)]
    fn local(&mut self, slot: u16) -> Res<'a, Value<'a>> {
        self.meter.spend(1)?;
        match self.locals.get(self.base + usize::from(slot)) {
            Some(Some(value)) => *value,
            _ => Err(self.malformed(ReadError::Slot)),
        }
    }

    /// Gives a local its value. A fault that ends the call is not kept for later.
    #[inline(never)]
    fn set(&mut self, slot: u16, value: Res<'a, Value<'a>>) -> Res<'a, ()> {
        if let Err(fault) = value
            && fault.is_final()
        {
            return Err(fault);
        }
        let at = self.base + usize::from(slot);
        if self.locals.len() <= at {
            self.locals.resize(at + 1, None);
        }
        if let Some(place) = self.locals.get_mut(at) {
            *place = Some(value);
        }
        Ok(())
    }

    /// The error of a function that has no overload for its arguments' types.
    #[inline(never)]
    pub(crate) fn no_overload(&self, function: &str, arguments: &[Value<'a>]) -> Fault<'a> {
        let mut message = bumpalo::collections::String::new_in(self.arena);
        message.push_str("no such overload: `");
        message.push_str(function);
        message.push_str("` of ");
        for (at, argument) in arguments.iter().enumerate() {
            message.push_str(if at > 0 { ", " } else { "" });
            message.push_str(argument.type_name());
        }
        Fault::expression(self.arena, message.into_bump_str())
    }

    /// Charges for going once through so many bytes.
    pub(crate) fn spend_traversal(&mut self, len: usize) -> Res<'a, ()> {
        self.meter.spend(cost::traversal(len))
    }
}
