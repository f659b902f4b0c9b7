//! The values that a primary is given, and what must be true of it: at admission, and again before each reconcile.

use bumpalo::Bump;
use orkestra_program::{Code, EntryCode, Program};

use crate::api::{Change, Review, Violation};
use crate::cost;
use crate::eval::{EntryEnv, Env, Machine, Var};
use crate::fault::{Fault, Res};
use crate::functions::scalar_text;
use crate::json::{Document, write_value};
use crate::value::{BuiltMap, Key, Map, Value};

/// Reviews a primary that somebody wants to store.
pub(crate) fn admit<'p: 'a, 'a>(
    arena: &'a Bump,
    program: Program<'p>,
    entry: &EntryCode<'p>,
    primary: &'a [u8],
    inputs: &'a [u8],
    budget: u64,
) -> Res<'a, Review<'p>> {
    let env = EntryEnv {
        primary: Document::new("primary", primary),
        inputs: Document::new("inputs", inputs),
        hooks: Document::new("hooks", b"{}"),
        now: 0,
        entropy: &[],
        children: Vec::new(),
        reads: Vec::new(),
        vars: entry.vars.map(Var::Unknown).collect(),
    };
    if !matches!(env.primary.root(arena)?, Value::Map(_)) {
        return Err(Fault::input(arena, &["primary is not a JSON object"]));
    }
    let mut machine = Machine::new(arena, program, budget, Env::Entry(env));
    let changes = machine.mutate(program, entry)?;
    let violations = machine.judge(program, entry)?;
    Ok(Review { changes, violations, cost: machine.meter.spent() })
}

impl<'a> Machine<'a> {
    /// Gives the primary its values, and says which. All of them are computed from the primary as it came.
    pub(crate) fn mutate<'p: 'a>(&mut self, program: Program<'p>, entry: &EntryCode<'p>) -> Res<'a, Vec<Change<'p>>> {
        let arena = self.arena;
        let mut changes = Vec::new();
        let mut mutated = self.primary()?;
        for code in entry.mutations {
            let record = program.mutation(code).map_err(|error| self.malformed(error))?;
            let mut path = Vec::with_capacity(record.path.len());
            let mut keys = record.path;
            while let Some(key) = program.next_key(&mut keys).map_err(|error| self.malformed(error))? {
                path.push(key);
            }
            self.meter.spend(path.len() as u64)?;
            let there = match find(arena, mutated, &path)? {
                Found::Value(_) if !record.overrides => continue,
                // The API server says what is wrong with it.
                Found::Blocked => continue,
                Found::Value(value) => Some(value),
                Found::Nothing => None,
            };
            let mut value = Vec::new();
            let mut template: Code<'a> = record.value;
            if !self.render(&mut template, &mut value)? {
                continue;
            }
            if let Some(there) = there {
                let mut text = Vec::new();
                write_value(arena, &mut text, there)?;
                self.meter.spend(cost::traversal(text.len()))?;
                if text == value {
                    continue;
                }
            }
            let given = Document::new("a mutation", arena.alloc_slice_copy(&value)).root(arena)?;
            mutated = put(self, mutated, &path, given)?;
            changes.push(Change { path, value });
        }
        if !changes.is_empty()
            && let Env::Entry(env) = &mut self.env
        {
            env.primary = Document::known("primary", mutated);
            env.vars = entry.vars.map(Var::Unknown).collect();
        }
        Ok(changes)
    }

    /// What is broken of what must be true of the primary. A rule that cannot be evaluated does not hold.
    pub(crate) fn judge<'p: 'a>(&mut self, program: Program<'p>, entry: &EntryCode<'p>) -> Res<'a, Vec<Violation<'p>>> {
        let mut violations = Vec::new();
        for code in entry.rules {
            let rule = program.rule(code).map_err(|error| self.malformed(error))?;
            let said = match self.holds(rule.holds) {
                Ok(true) => continue,
                Ok(false) => self.text(rule.message),
                Err(fault) => Err(fault),
            };
            let message = match said {
                Ok(message) => message,
                Err(fault) if fault.is_final() => return Err(fault),
                Err(fault) => format!("cannot be judged: {}: {}", fault.at(), fault.message()),
            };
            violations.push(Violation { field: rule.field, message, deny: rule.deny });
        }
        Ok(violations)
    }

    /// A boolean.
    pub(crate) fn holds(&mut self, code: Code<'a>) -> Res<'a, bool> {
        match self.located(code)? {
            Value::Bool(value) => Ok(value),
            found => {
                let parts = ["expected a bool, found a value of type ", found.type_name()];
                Err(Fault::composed(self.arena, &parts).located(self.arena, self.place(code)?))
            }
        }
    }

    /// The text that an expression gives.
    pub(crate) fn text(&mut self, code: Code<'a>) -> Res<'a, String> {
        let value = self.located(code)?;
        let text = scalar_text(self, value);
        match text {
            Ok(text) => Ok(text.into()),
            Err(fault) => Err(fault.located(self.arena, self.place(code)?)),
        }
    }

    fn primary(&self) -> Res<'a, Value<'a>> {
        match &self.env {
            Env::Entry(env) => env.primary.root(self.arena),
            Env::Bindings(_) => Err(self.malformed(orkestra_program::ReadError::Reference)),
        }
    }
}

/// What is at a path.
enum Found<'a> {
    /// Nothing, or null.
    Nothing,
    Value(Value<'a>),
    /// On the way there stands something that is no object.
    Blocked,
}

fn find<'a>(arena: &'a Bump, mut value: Value<'a>, path: &[&str]) -> Res<'a, Found<'a>> {
    for key in path {
        let Value::Map(map) = value else { return Ok(Found::Blocked) };
        match map.get(arena, Key::Text(key))? {
            None | Some(Value::Null) => return Ok(Found::Nothing),
            Some(below) => value = below,
        }
    }
    Ok(Found::Value(value))
}

/// The same with another value at a path, which is not blocked.
fn put<'a>(m: &mut Machine<'a>, value: Value<'a>, path: &[&'a str], given: Value<'a>) -> Res<'a, Value<'a>> {
    let Some((key, below)) = path.split_first() else { return Ok(given) };
    let arena = m.arena;
    let map = if let Value::Map(map) = value { map } else { Map::EMPTY };
    let len = map.len(arena)?;
    m.meter.spend(len as u64)?;
    let mut entries = bumpalo::collections::Vec::with_capacity_in(len + 1, arena);
    let mut inner = Value::Null;
    for at in 0..len {
        match map.entry(arena, at)? {
            Some((Value::String(name), value)) if name == *key => inner = value,
            Some(entry) => entries.push(entry),
            None => {}
        }
    }
    entries.push((Value::String(key), put(m, inner, below, given)?));
    Ok(Value::Map(BuiltMap::build(arena, entries.into_bump_slice())?))
}

#[cfg(test)]
mod tests {
    use orkestra_program::encode;
    use orkestra_program::function::Function;
    use orkestra_program::model::{
        Entry, Expr, Hole, Located, Mutation, Program, Root, Rule, Select, Target, Template,
    };

    use crate::api::{Change, Engine, Failure, Review, Violation};

    fn located(expr: Expr) -> Located {
        Located { at: "katalog.yaml:1:1".into(), expr }
    }

    fn field(path: &[&str], mode: Select) -> Expr {
        path.iter().fold(Expr::Root(Root::Spec), |operand, field| Expr::Select {
            operand: Box::new(operand),
            field: (*field).into(),
            mode,
        })
    }

    fn mutation(path: &str, overrides: bool, value: Template) -> Mutation {
        Mutation { path: path.split('.').map(Into::into).collect(), overrides, value }
    }

    fn admit(entry: Entry, primary: &str) -> Result<Review<'static>, Failure> {
        let bytes = encode(&Program { entries: vec![entry], evaluations: Vec::new() }).leak();
        Engine::load(bytes).admit("web", primary.as_bytes(), b"{}", 1_000_000)
    }

    fn entry(mutations: Vec<Mutation>, rules: Vec<Rule>) -> Entry {
        Entry { name: "web".into(), mutations, rules, ..Entry::default() }
    }

    fn changes(review: &Review<'_>) -> Vec<(String, String)> {
        let shown = |Change { path, value }: &Change<'_>| (path.join("."), String::from_utf8(value.clone()).unwrap());
        review.changes.iter().map(shown).collect()
    }

    #[test]
    fn a_default_is_given_where_nothing_is_and_an_override_everywhere() {
        let raw = |text: &str| Template::Raw(text.into());
        let all = vec![
            mutation("spec.a.b", false, raw("1")),
            mutation("spec.c", true, raw("\"x\"")),
            mutation("spec.d", false, raw("[]")),
        ];
        let given = |primary: &str| changes(&admit(entry(all.clone(), Vec::new()), primary).unwrap());
        let change = |path: &str, value: &str| (path.to_owned(), value.to_owned());
        assert_eq!(given("{}"), [change("spec.a.b", "1"), change("spec.c", "\"x\""), change("spec.d", "[]")]);
        assert_eq!(
            given(r#"{"spec":{"a":{"b":null},"c":"y","d":[1]}}"#),
            [change("spec.a.b", "1"), change("spec.c", "\"x\"")]
        );
        assert_eq!(given(r#"{"spec":{"a":{"b":2},"c":"x","d":0}}"#), []);
        // What stands in the way is the API server's to refuse.
        assert_eq!(given(r#"{"spec":"no object"}"#), []);
    }

    #[test]
    fn rules_see_what_was_given_and_all_that_are_broken_are_told() {
        let hole =
            Template::Hole(Hole { value: located(field(&["a"], Select::Strict)), target: Target::Any, absent: false });
        let at_most =
            |most: i64| located(Expr::Call(Function::LessEqual, vec![field(&["b"], Select::Strict), Expr::Int(most)]));
        let rule = |most: i64, deny: bool| Rule {
            field: "spec.b".into(),
            deny,
            holds: at_most(most),
            message: located(Expr::String(format!("at most {most}"))),
        };
        let rules = vec![rule(5, true), rule(3, false), rule(2, true)];
        let review = admit(entry(vec![mutation("spec.b", false, hole.clone())], rules.clone()), r#"{"spec":{"a":4}}"#);
        let violation = |message: &str, deny: bool| Violation { field: "spec.b", message: message.into(), deny };
        assert_eq!(review.unwrap().violations, [violation("at most 3", false), violation("at most 2", true)]);
        // A rule that has no answer does not hold.
        let review = admit(entry(Vec::new(), rules), r#"{"spec":{"b":"text"}}"#).unwrap();
        assert_eq!(review.violations.len(), 3);
        assert!(review.violations[0].message.starts_with("cannot be judged: katalog.yaml:1:1: "));
    }

    #[test]
    fn a_rule_that_costs_too_much_ends_the_review() {
        let holds = Expr::Call(Function::LessEqual, vec![field(&["b"], Select::Strict), Expr::Int(1)]);
        let message = located(Expr::String(String::new()));
        let rule = Rule { field: String::new(), deny: true, holds: located(holds), message };
        let bytes = encode(&Program { entries: vec![entry(Vec::new(), vec![rule; 3])], evaluations: Vec::new() });
        let admit = |budget| Engine::load(&bytes).admit("web", br#"{"spec":{"b":1}}"#, b"{}", budget);
        assert_eq!(admit(1_000).unwrap().violations, []);
        assert_eq!(admit(2).unwrap_err().reason(), "CostExceeded");
    }
}
