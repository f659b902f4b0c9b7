//! Programs in the sandbox, compiled in this process, in a child, and out of the cache.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use orkestra_component::{Exports, encode};
use orkestra_program::function::Function;
use orkestra_program::model::{
    Child, Entry, Evaluation, Expr, Hole, Located, Policy, Program, Root, Select, StatusField, Target, Template,
};
use orkestra_sandbox::{
    ChildProgram, Compilations, Compile, Failure, Limits, Pattern, Plan, Request, Sandbox, Settings,
};

fn located(expr: Expr) -> Located {
    Located { at: "katalog.yaml:7:3".to_owned(), expr }
}

fn spec(field: &str) -> Expr {
    Expr::Select { operand: Box::new(Expr::Root(Root::Spec)), field: field.to_owned(), mode: Select::Strict }
}

fn hole(expr: Expr) -> Template {
    Template::Hole(Hole { value: located(expr), target: Target::Any, absent: false })
}

/// One ConfigMap whose only entry is `spec.word`, and a status that counts its letters.
fn program() -> Program {
    let manifest = Template::Object(vec![
        ("kind".to_owned(), Template::Raw("\"ConfigMap\"".to_owned())),
        ("data".to_owned(), Template::Object(vec![("word".to_owned(), hole(spec("word")))])),
    ]);
    let child = Child::new("words", Policy::Apply, manifest);
    let letters = hole(Expr::Call(Function::Size, vec![spec("word")]));
    let status =
        StatusField { path: vec!["letters".to_owned()], requires: vec![], reads: vec![], when: None, value: letters };
    let entry = Entry { name: "words".to_owned(), children: vec![child], status: vec![status], ..Entry::default() };
    Program { entries: vec![entry], evaluations: vec![] }
}

/// `a * 2`
fn doubling() -> Program {
    let product = Expr::Call(Function::Multiply, vec![Expr::Binding(0), Expr::Int(2)]);
    let evaluation = Evaluation { name: "double".to_owned(), bindings: vec!["a".to_owned()], value: located(product) };
    Program { entries: vec![], evaluations: vec![evaluation] }
}

fn component(program: &Program) -> Vec<u8> {
    let exports = if program.entries.is_empty() { Exports::EVALUATIONS } else { Exports::PATTERN };
    encode(&orkestra_program::encode(program), exports)
}

fn request(primary: &str) -> Request {
    Request {
        primary: primary.into(),
        children: vec![],
        reads: vec![],
        inputs: b"{}".to_vec(),
        hooks: b"{}".to_vec(),
        now: 1_700_000_000_000,
        entropy: vec![0; 32],
        deleting: false,
        budget: u64::MAX,
    }
}

fn plan(pattern: &Pattern) -> Plan {
    pattern.reconcile("words", &request(r#"{"spec": {"word": "añejo"}}"#)).unwrap()
}

fn expect_the_plan(pattern: &Pattern) {
    let plan = plan(pattern);
    assert_eq!(plan.children.len(), 1);
    assert_eq!(plan.children[0].child.id, "words");
    assert_eq!(plan.children[0].policy, orkestra_sandbox::Policy::Apply);
    let object = String::from_utf8(plan.children[0].object.clone().unwrap()).unwrap();
    assert_eq!(object, r#"{"kind":"ConfigMap","data":{"word":"añejo"}}"#);
    assert_eq!(String::from_utf8(plan.status).unwrap(), r#"{"letters":5}"#);
    assert!(plan.cost > 0);
}

fn slots() -> Settings {
    Settings { slots: 16, ..Settings::default() }
}

fn load(sandbox: &Sandbox, program: &Program) -> Pattern {
    sandbox.load(&component(program), &[], Limits::default()).unwrap()
}

fn child() -> Compile {
    Compile::Child(ChildProgram { program: PathBuf::from(env!("CARGO_BIN_EXE_orkestra-compile-child")), args: vec![] })
}

fn cached(dir: &Path) -> Settings {
    Settings { cache: Some(dir.to_owned()), ..slots() }
}

#[test]
fn a_program_gives_its_plan() {
    let pattern = load(&Sandbox::new(&slots()).unwrap(), &program());
    assert!(pattern.is_declarative());
    expect_the_plan(&pattern);
    assert_eq!(plan(&pattern), plan(&pattern));
}

#[test]
fn an_expression_gives_its_value() {
    let pattern = load(&Sandbox::new(&slots()).unwrap(), &doubling());
    let evaluation = pattern.eval("double", br#"{"a": {"type": "int", "value": "21"}}"#, 1000).unwrap();
    assert_eq!(String::from_utf8(evaluation.value).unwrap(), r#"{"type":"int","value":"42"}"#);
    assert!((1..1000).contains(&evaluation.cost));
}

#[test]
fn a_pattern_outlives_the_sandbox_that_it_came_from() {
    let pattern = load(&Sandbox::new(&slots()).unwrap(), &program());
    expect_the_plan(&pattern);
}

#[test]
fn failures_of_the_program_keep_their_kind() {
    let sandbox = Sandbox::new(&slots()).unwrap();
    let pattern = load(&sandbox, &program());
    let failure = |primary: &str| pattern.reconcile("words", &request(primary)).unwrap_err();
    match failure(r#"{"spec": {}}"#) {
        Failure::Expression { at, message } => {
            assert_eq!(at, "katalog.yaml:7:3");
            assert!(message.contains("word"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(failure(r#"{"spec": "#).reason(), "InvalidInput");
    let poor = Request { budget: 0, ..request(r#"{"spec": {"word": "a"}}"#) };
    assert_eq!(pattern.reconcile("words", &poor).unwrap_err().reason(), "CostExceeded");
    assert_eq!(pattern.reconcile("others", &poor).unwrap_err().reason(), "Internal");
    let eval = pattern.eval("double", b"{}", 1000).unwrap_err();
    assert_eq!(eval, Failure::NotExported("orkestra:pattern/evaluator@0.1.0"));
    let counted: Vec<_> = pattern.metrics().failures.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(
        counted,
        [("CostExceeded", 1), ("Expression", 1), ("InvalidInput", 1), ("Internal", 1), ("NotExported", 1)]
    );
}

/// A program that the engine cannot read is no danger and no crash.
#[test]
fn bytes_that_are_no_program_are_an_internal_failure() {
    let sandbox = Sandbox::new(&slots()).unwrap();
    let broken = encode(b"not a program", Exports::PATTERN);
    let pattern = sandbox.load(&broken, &[], Limits::default()).unwrap();
    assert_eq!(pattern.reconcile("words", &request("{}")).unwrap_err().reason(), "Internal");
}

#[test]
fn the_cost_limit_of_the_pattern_is_above_the_requests_budget() {
    let sandbox = Sandbox::new(&slots()).unwrap();
    let limits = Limits { cost: 1, ..Limits::default() };
    let pattern = sandbox.load(&component(&program()), &[], limits).unwrap();
    let failure = pattern.reconcile("words", &request(r#"{"spec": {"word": "a"}}"#)).unwrap_err();
    assert_eq!(failure.reason(), "CostExceeded");
}

#[test]
fn calls_from_many_threads_do_not_meet() {
    let sandbox = Sandbox::new(&slots()).unwrap();
    let pattern = load(&sandbox, &program());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let pattern = pattern.clone();
            scope.spawn(move || {
                for call in 0..100 {
                    let word = format!("w{thread}x{call}");
                    let plan = pattern.reconcile("words", &request(&format!(r#"{{"spec": {{"word": "{word}"}}}}"#)));
                    let object = plan.unwrap().children.remove(0).object.unwrap();
                    assert!(String::from_utf8(object).unwrap().contains(&word));
                }
            });
        }
    });
    assert_eq!(pattern.metrics().instantiations, 400);
}

#[test]
fn a_confined_child_compiles() {
    let sandbox = Sandbox::new(&Settings { compile: child(), ..slots() }).unwrap();
    assert!(sandbox.confinement().is_some());
    expect_the_plan(&load(&sandbox, &program()));
    let invalid = sandbox.load(b"(component)", &[orkestra_sandbox::Grant::Code], Limits::default());
    assert_eq!(invalid.err().unwrap().reason(), "InvalidComponent");
}

#[test]
fn a_child_that_does_not_answer_is_a_named_error() {
    for program in ["/bin/true", "/bin/false", "/bin/cat", "/nowhere"] {
        let compile = Compile::Child(ChildProgram { program: program.into(), args: vec![] });
        let error = Sandbox::new(&Settings { compile, ..slots() }).err().unwrap();
        assert_eq!(error.reason(), "CompileFailed", "{program}: {error}");
    }
}

#[test]
fn what_was_compiled_once_is_found_again_and_what_was_changed_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("cache");
    let start = |settings: Settings| {
        let sandbox = Sandbox::new(&settings).unwrap();
        expect_the_plan(&load(&sandbox, &program()));
        sandbox.compilations()
    };
    let by_child = || Settings { compile: child(), ..cached(&place) };
    assert_eq!(start(by_child()), Compilations { compiled: 2, cached: 0 });
    assert_eq!(start(by_child()), Compilations { compiled: 0, cached: 2 });
    // The child and this process generate the same code, under the same name.
    assert_eq!(start(cached(&place)), Compilations { compiled: 0, cached: 2 });

    for file in fs::read_dir(&place).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "native") {
            let mut bytes = fs::read(&path).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 0x80;
            fs::write(&path, bytes).unwrap();
        }
    }
    assert_eq!(start(by_child()), Compilations { compiled: 2, cached: 0 });
    assert_eq!(start(by_child()), Compilations { compiled: 0, cached: 2 });
}
