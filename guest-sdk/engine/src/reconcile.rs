//! One entry, one primary: which children should exist, and what the status should say.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use orkestra_program::model::Policy;
use orkestra_program::{ChildCode, Code, EntryCode, ForEachCode, Numbers, Program, RequirementCode, WhichCode};

use crate::api::{ChildRef, Plan, PlannedChild, Request, Requirement, WantedRead};
use crate::elements::{Element, elements};
use crate::eval::{EntryEnv, Env, Machine, Subject, Var};
use crate::fault::{Fault, Res};
use crate::json::{Document, write_string};
use crate::observed::{Given, Observations, Seen};
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
    let observations = Observations::new(request.children);
    let env = EntryEnv {
        primary: Document::new("primary", request.primary),
        inputs: Document::new("inputs", request.inputs),
        hooks: Document::new("hooks", request.hooks),
        now: request.now,
        entropy: request.entropy,
        children: children.iter().map(|child| seen(arena, &observations, child, request.deleting)).collect(),
        reads: given(arena, program, entry, request)?,
        vars: entry.vars.map(Var::Unknown).collect(),
    };
    if !matches!(env.primary.root(arena)?, Value::Map(_)) {
        return Err(Fault::input(arena, &["primary is not a JSON object"]));
    }
    let mut planner = Planner {
        machine: Machine::new(arena, program, request.budget, Env::Entry(env)),
        program,
        children: &children,
        observations: &observations,
        plan: Plan { status: b"{}".to_vec(), conditions: b"[]".to_vec(), ..Plan::default() },
        object: Vec::new(),
    };
    planner.machine.mutate(program, entry)?;
    if !request.deleting {
        planner.plan.violations = planner.machine.judge(program, entry)?;
    }
    // What must not be is not reconciled, and what it has stays as it is.
    if planner.plan.violations.iter().any(|violation| violation.deny) {
        return planner.refused(entry);
    }
    // While the primary is being deleted only what is made for that counts; the host removes the others.
    let wanted = |child: &ChildCode<'_>| (child.policy == Policy::Delete) == request.deleting;
    if !request.deleting || children.iter().any(wanted) {
        planner.reads(entry)?;
    }
    for (number, child) in children.iter().enumerate().filter(|(_, child)| wanted(child)) {
        planner.template(number, child)?;
    }
    if !request.deleting {
        planner.status(entry)?;
        planner.conditions(entry)?;
        planner.requeue(entry)?;
    }
    let Planner { machine, mut plan, .. } = planner;
    plan.done = request.deleting && plan.children.is_empty();
    plan.cost = machine.meter.spent();
    Ok(plan)
}

/// What is seen of a template's children before anything is planned.
fn seen<'a>(arena: &'a Bump, observations: &Observations<'a>, child: &ChildCode<'_>, deleting: bool) -> Seen<'a> {
    match child.for_each {
        None => Seen::One(observations.find(arena, child.id, None)),
        // Nothing more will be wanted of it: what there is counts.
        Some(_) if deleting && child.policy != Policy::Delete => observations.every(arena, child.id),
        Some(_) => Seen::Unknown,
    }
}

fn given<'a>(
    arena: &'a Bump,
    program: Program<'a>,
    entry: &EntryCode<'a>,
    request: &Request<'a>,
) -> Res<'a, Vec<Given<'a>>> {
    let mut all = Vec::with_capacity(entry.reads.len());
    for code in entry.reads {
        let read = program.read_record(code).map_err(|error| Fault::program(arena, error))?;
        let supplied = request.reads.iter().find(|supplied| supplied.id == read.id);
        all.push(match read.which {
            WhichCode::Name(_) => Given::by_name(arena, supplied)?,
            WhichCode::Selected(..) => Given::by_labels(arena, supplied),
        });
    }
    Ok(all)
}

struct Planner<'r, 'p, 'a> {
    machine: Machine<'a>,
    program: Program<'p>,
    children: &'r [ChildCode<'p>],
    observations: &'r Observations<'a>,
    plan: Plan<'p>,
    /// Where objects are rendered, one after another: nothing that is freed is ever given back.
    object: Vec<u8>,
}

impl<'p: 'a, 'a> Planner<'_, 'p, 'a> {
    /// The plan for a primary that breaks a rule.
    fn refused(mut self, entry: &EntryCode<'p>) -> Res<'a, Plan<'p>> {
        for code in entry.status {
            let malformed = |error| Fault::program(self.machine.arena, error);
            let field = self.program.status(code).map_err(malformed)?;
            let path = self.program.path(&field).collect::<Result<Vec<&str>, _>>().map_err(malformed)?;
            self.plan.pending_status.push(path.join("."));
        }
        self.plan.cost = self.machine.meter.spent();
        Ok(self.plan)
    }

    /// The soonest of the times after which the primary is looked at again.
    fn requeue(&mut self, entry: &EntryCode<'p>) -> Res<'a, ()> {
        for code in entry.requeues {
            let record = self.program.requeue(code).map_err(|error| Fault::program(self.machine.arena, error))?;
            if !self.is_pending(record.requires, record.reads) && self.machine.holds(record.when)? {
                let sooner = self.plan.requeue_after.map_or(record.after, |other| other.min(record.after));
                self.plan.requeue_after = Some(sooner);
            }
        }
        Ok(())
    }

    /// Says which objects of others are wanted, whether the request has them or not.
    fn reads(&mut self, entry: &EntryCode<'p>) -> Res<'a, ()> {
        let program = self.program;
        for code in entry.reads {
            let read = program.read_record(code).map_err(|error| Fault::program(self.machine.arena, error))?;
            let (mut name, mut labels, mut requirements) = (None, Vec::new(), Vec::new());
            match read.which {
                WhichCode::Name(code) => name = Some(self.machine.text(code)?),
                WhichCode::Selected(has, meets) => {
                    for code in has {
                        let label = program.label(code);
                        let (key, value) = label.map_err(|error| Fault::program(self.machine.arena, error))?;
                        labels.push((key, self.machine.text(value)?));
                    }
                    for code in meets {
                        let requirement = program.requirement(code);
                        let RequirementCode { key, operator, values } =
                            requirement.map_err(|error| Fault::program(self.machine.arena, error))?;
                        let values = values.map(|value| self.machine.text(value)).collect::<Result<_, _>>()?;
                        requirements.push(Requirement { key, operator, values });
                    }
                }
            }
            let namespace = read.namespace.map(|code| self.machine.text(code)).transpose()?;
            let wanted = WantedRead { id: read.id, name, labels, requirements, namespace };
            self.plan.reads.push(wanted);
        }
        Ok(())
    }

    /// Plans the child of a template, or one for each element.
    fn template(&mut self, number: usize, child: &ChildCode<'p>) -> Res<'a, ()> {
        if self.is_pending(child.requires, child.reads) {
            // Under `forEach` nobody knows the elements yet, so this stands for all of them.
            let pending = self.planned(child, None);
            self.plan.children.push(pending);
            return Ok(());
        }
        match &child.for_each {
            None => {
                let observed = match &self.machine.env {
                    Env::Entry(env) => env.children.get(number).and_then(Seen::one),
                    Env::Bindings(_) => None,
                };
                self.child(child, None, observed)?;
            }
            Some(for_each) => {
                let seen = self.each(child, for_each)?;
                if let Env::Entry(env) = &mut self.machine.env
                    && let Some(place) = env.children.get_mut(number)
                {
                    *place = seen;
                }
            }
        }
        self.machine.subject = None;
        Ok(())
    }

    fn each(&mut self, child: &ChildCode<'p>, for_each: &ForEachCode<'p>) -> Res<'a, Seen<'a>> {
        let arena = self.machine.arena;
        let mut complete = true;
        let mut seen = ArenaVec::new_in(arena);
        for element in elements(&mut self.machine, child.id, for_each)? {
            let observed = self.observations.find(arena, child.id, Some(element.key));
            if !self.child(child, Some(element), observed)? {
                continue;
            }
            match observed {
                Some(document) => seen.push((element.key, document)),
                None => complete = false,
            }
        }
        Ok(Seen::Each { elements: seen.into_bump_slice(), complete, map: None })
    }

    /// Plans one child. False: it is not to be.
    fn child(
        &mut self,
        child: &ChildCode<'p>,
        element: Option<Element<'a>>,
        observed: Option<&'a Document<'a>>,
    ) -> Res<'a, bool> {
        let renew = observed.is_some() && self.observations.renews(child.id, element.map(|element| element.key));
        self.machine.subject = Some(Subject { id: child.id, element, observed, renew });
        self.machine.draws = 0;
        if let Some(when) = child.when
            && !self.machine.holds(when)?
        {
            return Ok(false);
        }
        self.object.clear();
        let mut manifest = child.manifest;
        if !self.machine.render(&mut manifest, &mut self.object)? {
            self.object.extend_from_slice(b"{}");
        }
        let mut planned = self.planned(child, element.map(|element| element.key.into()));
        planned.object = Some(self.object.as_slice().to_vec());
        if let (Some(ready_when), Some(_)) = (child.ready_when, observed) {
            planned.ready = Some(self.machine.holds(ready_when)?);
        }
        self.plan.children.push(planned);
        Ok(true)
    }

    /// A child of a template, without its object.
    fn planned(&self, child: &ChildCode<'p>, key: Option<String>) -> PlannedChild<'p> {
        let after = child.requires.filter_map(|number| self.children.get(usize::from(number)));
        PlannedChild {
            child: ChildRef { id: child.id, key },
            policy: child.policy,
            object: None,
            ready: None,
            after: after.map(|other| ChildRef { id: other.id, key: None }).collect(),
        }
    }

    fn is_pending(&self, mut requires: Numbers<'_>, mut reads: Numbers<'_>) -> bool {
        let Env::Entry(env) = &self.machine.env else { return false };
        requires.any(|number| !env.children.get(usize::from(number)).is_some_and(Seen::is_complete))
            || reads.any(|number| !env.reads.get(usize::from(number)).is_some_and(Given::is_there))
    }

    /// Writes the fields as one object. They are sorted by path, so those of one object follow one another.
    fn status(&mut self, entry: &EntryCode<'p>) -> Res<'a, ()> {
        let mut out = vec![b'{'];
        let mut open: Vec<&str> = Vec::new();
        let mut value = Vec::new();
        for code in entry.status {
            let malformed = |error| Fault::program(self.machine.arena, error);
            let field = self.program.status(code).map_err(malformed)?;
            let path = self.program.path(&field).collect::<Result<Vec<&str>, _>>().map_err(malformed)?;
            if self.is_pending(field.requires, field.reads) {
                self.plan.pending_status.push(path.join("."));
                continue;
            }
            if let Some(when) = field.when
                && !self.machine.holds(when)?
            {
                continue;
            }
            value.clear();
            let mut template: Code<'a> = field.value;
            if !self.machine.render(&mut template, &mut value)? {
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
                write_string(&mut out, key);
                out.extend_from_slice(b":{");
                open.push(key);
            }
            write_string(&mut out, last);
            out.push(b':');
            out.extend_from_slice(&value);
        }
        out.extend(open.iter().map(|_| b'}'));
        out.push(b'}');
        self.plan.status = out;
        Ok(())
    }

    /// Writes the conditions that are known as one list.
    fn conditions(&mut self, entry: &EntryCode<'p>) -> Res<'a, ()> {
        let mut out = vec![b'['];
        for code in entry.conditions {
            let condition = self.program.condition(code).map_err(|error| Fault::program(self.machine.arena, error))?;
            if self.is_pending(condition.requires, condition.reads) {
                continue;
            }
            let holds = self.machine.holds(condition.when)?;
            let reason = match condition.reason {
                Some(code) => self.machine.text(code)?,
                None => [if holds { "" } else { "Not" }, condition.kind].concat(),
            };
            let (status, message) = (if holds { "True" } else { "False" }, self.machine.text(condition.message)?);
            if out.len() > 1 {
                out.push(b',');
            }
            let members = [("type", condition.kind), ("status", status), ("reason", &*reason), ("message", &*message)];
            for (index, (key, value)) in members.into_iter().enumerate() {
                out.push(if index == 0 { b'{' } else { b',' });
                write_string(&mut out, key);
                out.push(b':');
                write_string(&mut out, value);
            }
            out.push(b'}');
        }
        out.push(b']');
        self.plan.conditions = out;
        Ok(())
    }
}
