//! One entry, one primary: which children should exist, and what the status should say.

use bumpalo::Bump;
use orkestra_program::{ChildCode, Code, EntryCode, Program, Requires};

use crate::api::{ChildRef, Plan, PlannedChild, Request};
use crate::eval::{EntryEnv, Env, Machine, Var};
use crate::fault::{Fault, Res};
use crate::json::{Document, write_string};
use crate::value::Value;

/// Computes the plan for a request.
pub(crate) fn reconcile<'p: 'a, 'a>(
    arena: &'a Bump,
    program: Program<'p>,
    entry: &EntryCode<'p>,
    request: &Request<'a>,
) -> Res<'a, Plan<'p>> {
    let mut children = Vec::with_capacity(entry.children.len());
    for code in entry.children {
        children.push(program.child(code).map_err(|error| Fault::program(arena, error))?);
    }
    let documents = children.iter().map(|child| observed(request, child)).collect();
    let env = EntryEnv {
        primary: Document::new("primary", request.primary),
        inputs: Document::new("inputs", request.inputs),
        hooks: Document::new("hooks", request.hooks),
        now: request.now,
        children: documents,
        vars: entry.vars.map(Var::Unknown).collect(),
    };
    if !matches!(env.primary.root(arena)?, Value::Map(_)) {
        return Err(Fault::input(arena, &["primary is not a JSON object"]));
    }
    let mut machine = Machine::new(arena, program, request.budget, Env::Entry(env));
    let mut plan = Plan { status: b"{}".to_vec(), done: request.deleting, ..Plan::default() };
    // On deletion the host removes the children; nothing is to be written first.
    if !request.deleting {
        for child in &children {
            if let Some(planned) = plan_child(&mut machine, &children, child)? {
                plan.children.push(planned);
            }
        }
        plan_status(&mut machine, entry, &mut plan)?;
    }
    plan.cost = machine.meter.spent();
    Ok(plan)
}

fn observed<'a>(request: &Request<'a>, child: &ChildCode<'_>) -> Option<Document<'a>> {
    let found = request.children.iter().find(|observed| observed.id == child.id && observed.key.is_none());
    found.map(|observed| Document::new("child", observed.object))
}

/// None: the child is not to be.
fn plan_child<'p: 'a, 'a>(
    machine: &mut Machine<'a>,
    children: &[ChildCode<'p>],
    child: &ChildCode<'p>,
) -> Res<'a, Option<PlannedChild<'p>>> {
    let after = child.requires.filter_map(|number| children.get(usize::from(number)));
    let mut planned = PlannedChild {
        child: ChildRef { id: child.id, key: None },
        policy: child.policy,
        object: None,
        ready: None,
        after: after.map(|other| ChildRef { id: other.id, key: None }).collect(),
    };
    if is_pending(machine, child.requires) {
        return Ok(Some(planned));
    }
    if let Some(when) = child.when {
        match machine.located(when)? {
            Value::Bool(true) => {}
            Value::Bool(false) => return Ok(None),
            other => return Err(not_a_condition(machine, when, other)),
        }
    }
    let mut object = Vec::with_capacity(1024);
    let mut manifest = child.manifest;
    if !machine.render(&mut manifest, &mut object)? {
        object.extend_from_slice(b"{}");
    }
    planned.object = Some(object);
    Ok(Some(planned))
}

fn not_a_condition<'a>(machine: &Machine<'a>, when: Code<'a>, found: Value<'a>) -> Fault<'a> {
    let at = machine.program.located(when).map_or("", |record| record.at);
    let fault = Fault::composed(machine.arena, &["expected a bool, found a value of type ", found.type_name()]);
    fault.located(machine.arena, at)
}

fn is_pending(machine: &Machine<'_>, mut requires: Requires<'_>) -> bool {
    let Env::Entry(env) = &machine.env else { return false };
    requires.any(|number| !matches!(env.children.get(usize::from(number)), Some(Some(_))))
}

/// Writes the fields as one object. They are sorted by path, so those of one object follow one another.
fn plan_status<'p: 'a, 'a>(machine: &mut Machine<'a>, entry: &EntryCode<'p>, plan: &mut Plan<'p>) -> Res<'a, ()> {
    let out = &mut plan.status;
    out.clear();
    out.push(b'{');
    let mut open: Vec<&str> = Vec::new();
    let mut value = Vec::new();
    for code in entry.status {
        let malformed = |error| Fault::program(machine.arena, error);
        let field = machine.program.status(code).map_err(malformed)?;
        let path = machine.program.path(&field).collect::<Result<Vec<&str>, _>>().map_err(malformed)?;
        if is_pending(machine, field.requires) {
            plan.pending_status.push(path.join("."));
            continue;
        }
        value.clear();
        let mut template = field.value;
        if !machine.render(&mut template, &mut value)? {
            continue;
        }
        let Some((last, parents)) = path.split_last() else { continue };
        let shared = open.iter().zip(parents).take_while(|(a, b)| a == b).count();
        while open.len() > shared {
            open.pop();
            out.push(b'}');
        }
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        for key in parents.get(shared..).unwrap_or_default() {
            write_string(out, key);
            out.extend_from_slice(b":{");
            open.push(key);
        }
        write_string(out, last);
        out.push(b':');
        out.extend_from_slice(&value);
    }
    out.extend(open.iter().map(|_| b'}'));
    out.push(b'}');
    Ok(())
}
