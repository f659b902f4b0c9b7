//! `ork eval`: the value of an expression.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;

use orkestra_komposer::Instance;
use orkestra_operator::{Error as Failure, Given};
use orkestra_pattern::cel::{MAX_LENGTH, Problem};
use orkestra_sandbox as guest;
use serde_json::{Map, Value, json};

use crate::args::{Eval, TextOrJson};
use crate::error::Error;
use crate::expression::{self, Answer, Evaluator};
use crate::output::{Output, escape, role};
use crate::pattern_dir::PatternDir;
use crate::{over, sandbox, yaml};

/// The longest line of the input: more than an expression may have, so that one that is a little too long is answered as such.
const LONGEST_LINE: u64 = 64 << 10;

pub(crate) fn run(args: &Eval, output: &Output) -> Result<(), Error> {
    let evaluator = evaluator(args, output)?;
    match args.expression.as_deref() {
        Some("-") => lines(args, &evaluator, output),
        Some(expression) => match one(args, &evaluator, expression, output)? {
            true => Ok(()),
            false => Err(Error::Silent),
        },
        None => lines(args, &evaluator, output),
    }
}

fn evaluator(args: &Eval, output: &Output) -> Result<Evaluator, Error> {
    let here = Path::new(".");
    let dir = args.dir.as_deref().or_else(|| here.join("katalog.yaml").is_file().then_some(here));
    let sandbox = || sandbox::start(None, output);
    let Some(dir) = dir else {
        let of_a_pattern = args.over.cr.is_some() || args.over.entry.is_some() || !args.over.inputs.is_empty();
        if of_a_pattern || !args.over.children.is_empty() || !args.over.reads.is_empty() {
            return Err(Error::Unusable {
                problem: "what the expression is evaluated over belongs to a pattern, and none is named".to_owned(),
                hint: Some("name one with --dir".to_owned()),
            });
        }
        let broken = || Error::Unusable { problem: "an expression needs a pattern".to_owned(), hint: None };
        let (pattern, scope) = expression::none().ok_or_else(broken)?;
        let instance = Instance::new("", pattern, Map::new()).map_err(|_| broken())?;
        let primary = json!({"metadata": {"name": "nothing", "namespace": "default"}}).to_string().into_bytes();
        let now = args.over.now.as_deref().map_or(Ok(over::clock()), over::millis)?;
        let given = Given { primary, now, ..Given::default() };
        return Ok(Evaluator { instance, entry: "nothing".to_owned(), scope, given, sandbox: sandbox()? });
    };
    let files = PatternDir::read(dir)?;
    let instance = over::instance(dir, files.checked(output)?, &args.over)?;
    let (entry, _, given) = over::given(dir, &instance.pattern, &args.over, output)?;
    let entry = entry.name.clone();
    let scope = orkestra_pattern::scope(&files.source, &entry).ok_or(Error::Silent)?;
    Ok(Evaluator { instance, entry, scope, given, sandbox: sandbox()? })
}

/// One expression a line. A mistake in one does not keep the next from its answer.
fn lines(args: &Eval, evaluator: &Evaluator, output: &Output) -> Result<(), Error> {
    let talks = std::io::stdin().is_terminal();
    if talks {
        output.note(format_args!("{s}one expression a line; Ctrl-D ends{s:#}", s = role::FAINT));
    }
    let mut failed = 0;
    let mut input = std::io::stdin().lock();
    loop {
        if talks {
            output.ask("> ");
        }
        let mut line = String::new();
        // One that does not end is not waited for.
        let read = Read::take(&mut input, LONGEST_LINE).read_line(&mut line);
        let read = read.map_err(|source| Error::Machine { what: "to read the input", source })?;
        if read == 0 {
            break;
        }
        if u64::try_from(read).is_ok_and(|read| read == LONGEST_LINE) && !line.ends_with('\n') {
            return Err(Error::Unusable {
                problem: format!("a line of the input is longer than {LONGEST_LINE} bytes"),
                hint: Some(format!("write one expression a line, of at most {MAX_LENGTH} bytes")),
            });
        }
        if !line.trim().is_empty() {
            failed += usize::from(!one(args, evaluator, line.trim(), output)?);
        }
    }
    // Whoever typed them has seen the mistakes.
    if failed > 0 && !talks { Err(Error::Expressions { failed }) } else { Ok(()) }
}

/// Answers one expression. Says whether it has a value.
fn one(args: &Eval, evaluator: &Evaluator, source: &str, output: &Output) -> Result<bool, Error> {
    let answer = evaluator.evaluate(source)?;
    let good = matches!(answer, Answer::Value { .. } | Answer::Absent { .. });
    if args.format == TextOrJson::Json {
        output.data(&format!("{}\n", json_of(source, &answer)))?;
        return Ok(good);
    }
    match &answer {
        Answer::Value { ty, value, cost } => {
            output.data(&shown(value)?)?;
            output.note(format_args!("{s}{}, cost {cost}{s:#}", escape(ty), s = role::FAINT));
        }
        Answer::Absent { ty, cost } => {
            output.note(format_args!("{s}absent; {} where it is there, cost {cost}{s:#}", escape(ty), s = role::FAINT));
        }
        Answer::Pending { waits } => {
            let hint = "give what was observed with --children or --reads";
            output.problem(&format!("pending: {} is not there", waits.join(" and ")), Some(hint));
        }
        Answer::Wrong(problems) => {
            // What stands in a Katalog is an expression in braces, and is pasted with them.
            let braced = source.starts_with("{{").then_some("write the expression without its braces");
            for problem in problems {
                output.problem(&marked(source, problem), braced.or(problem.mend.as_deref()));
            }
        }
        Answer::Failed(failure) => output.problem(&message(failure), None),
    }
    Ok(good)
}

/// A scalar as it is, anything else as YAML.
fn shown(value: &Value) -> Result<String, Error> {
    Ok(match value {
        Value::String(text) => format!("{}\n", escape(text)),
        Value::Object(members) if !members.is_empty() => escape(&yaml::text(value)?).into_owned(),
        Value::Array(items) if !items.is_empty() => escape(&yaml::text(value)?).into_owned(),
        other => format!("{other}\n"),
    })
}

/// The message, the expression, and a mark below what is wrong.
fn marked(source: &str, problem: &Problem) -> String {
    let Problem { kind: _, range, message, found, expected, mend: _ } = problem;
    let mut text = escape(message).into_owned();
    let before = source.get(..range.start).unwrap_or_default().chars().count();
    let length = source.get(range.clone()).unwrap_or_default().chars().count().max(1);
    let _ = write!(text, "\n  {}\n  {}{}", escape(source), " ".repeat(before), "^".repeat(length));
    for (word, what) in [("found", found), ("expected", expected)] {
        if let Some(what) = what {
            let _ = write!(text, " {word} {}", escape(what));
        }
    }
    text
}

fn message(failure: &Failure) -> String {
    let text = match failure {
        Failure::Guest(guest::Failure::Expression { message, .. } | guest::Failure::CostExceeded { message, .. }) => {
            message.clone()
        }
        other => other.to_string(),
    };
    format!("{}: {}", failure.reason(), escape(&text))
}

fn json_of(source: &str, answer: &Answer) -> Value {
    match answer {
        Answer::Value { ty, value, cost } => json!({"expression": source, "type": ty, "value": value, "cost": cost}),
        Answer::Absent { ty, cost } => json!({"expression": source, "type": ty, "absent": true, "cost": cost}),
        Answer::Pending { waits } => json!({"expression": source, "pending": waits}),
        Answer::Wrong(problems) => {
            let problem = |problem: &Problem| {
                let Problem { kind: _, range, message, found, expected, mend } = problem;
                json!({"start": range.start, "end": range.end, "message": message, "found": found, "expected": expected, "hint": mend})
            };
            json!({"expression": source, "problems": problems.iter().map(problem).collect::<Vec<_>>()})
        }
        Answer::Failed(failure) => {
            json!({"expression": source, "failure": {"reason": failure.reason(), "message": message(failure)}})
        }
    }
}
