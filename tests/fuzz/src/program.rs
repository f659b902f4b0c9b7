//! Programs, as the engine gets them from a component.

use orkestra_engine::{Engine, Observed, Read, Request};

/// Enough for every seed, and little enough that a program which loops ends soon.
const BUDGET: u64 = 100_000;

const PRIMARY: &[u8] = br#"{"apiVersion":"g/v1","kind":"K","metadata":{"name":"n","namespace":"s","uid":"u","labels":{"a":"b"},"generation":2},"spec":{"on":true,"size":3,"version":"1.2","items":[1,2,3],"users":[{"name":"a","role":"x"},{"name":"b"}],"map":{"k":"v"}},"status":{"phase":"Ready"}}"#;
const CHILD: &[u8] = br#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c","uid":"d"},"data":{"k":"c2VjcmV0"},"status":{"readyReplicas":1}}"#;

/// Decodes a program, encodes it again, and runs every entry and expression of it.
pub fn program(bytes: &[u8]) {
    let decoded = orkestra_program::decode(bytes).ok();
    if let Some(program) = &decoded {
        let again = orkestra_program::encode(program);
        let back = orkestra_program::decode(&again).expect("what was encoded is decoded");
        // Numbers that are none are not equal to themselves, so it is the bytes that are compared.
        assert_eq!(orkestra_program::encode(&back), again, "a program is the same after it was read and written");
    }
    let engine = Engine::load(bytes);
    let names = |of: Vec<String>| if of.is_empty() { vec!["any".to_owned()] } else { of };
    let (entries, evaluations) = decoded.map_or_else(Default::default, |program| {
        let entries = program.entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>();
        (entries, program.evaluations.iter().map(|evaluation| evaluation.name.clone()).collect::<Vec<_>>())
    });
    for entry in names(entries).iter().take(4) {
        let children = [
            Observed { id: "a", key: None, object: CHILD, renew: false },
            Observed { id: "users", key: Some("a"), object: CHILD, renew: false },
        ];
        let reads = [Read { id: "plan", objects: &[CHILD] }];
        let request = Request {
            primary: PRIMARY,
            children: &children,
            reads: &reads,
            inputs: br#"{"registry":"r"}"#,
            hooks: b"{}",
            now: 1_700_000_000_000,
            entropy: &[7; 32],
            deleting: false,
            budget: BUDGET,
        };
        let plan = engine.reconcile(entry, &request);
        assert_eq!(plan, engine.reconcile(entry, &request), "the same request gives the same plan");
        if let Ok(plan) = plan {
            assert!(plan.cost <= BUDGET, "a plan costs no more than it may");
        }
        let _ = engine.reconcile(entry, &Request { deleting: true, children: &[], reads: &[], ..request });
        for target in ["v1", "v2"] {
            let _ = engine.convert(entry, target, PRIMARY, BUDGET);
        }
    }
    for name in names(evaluations).iter().take(8) {
        let _ = engine.eval(name, br#"{"x":{"int":"1"}}"#, BUDGET);
    }
}
