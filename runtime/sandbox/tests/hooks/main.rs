//! Hooks: what they get, what they cannot do, and how each way to fail is named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod guest;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use guest::{EXTRA, Guest, LOG, at, get_secret};
use orkestra_sandbox::capability::{ClusterRead, Granted, ReadError, Readable, Reading};
use orkestra_sandbox::{
    Failure, Finalized, Hook, HookChild, HookConversion, HookLimits, HookRequest, HookSettings, LoadError, Point,
    Sandbox, Settings,
};
use wasm_encoder::{BlockType, InstructionSink};

const RANDOM: (&str, &str, &str) = (
    "wasi:random/random@0.2.6",
    "get-random-u64",
    "package wasi:random@0.2.6; interface random { get-random-u64: func() -> u64; }",
);
const CLOCK: (&str, &str, &str) = (
    "wasi:clocks/monotonic-clock@0.2.6",
    "now",
    "package wasi:clocks@0.2.6; interface monotonic-clock { now: func() -> u64; }",
);
/// Nothing that is ever linked.
const EXIT: (&str, &str, &str) =
    ("wasi:cli/exit@0.2.6", "now", "package wasi:cli@0.2.6; interface exit { now: func() -> u64; }");

/// A cluster with one Secret, or one that never answers.
#[derive(Default)]
struct Fake {
    blocks: bool,
    asked: AtomicU32,
    given_up: Arc<AtomicBool>,
}

/// Tells when it is dropped.
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl ClusterRead for Fake {
    fn get(&self, kind: &Readable, namespace: Option<String>, _: String, _: Vec<String>) -> Reading<Vec<u8>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!((kind.api_version.as_str(), kind.kind.as_str(), namespace), ("v1", "Secret", None));
        let (blocks, given_up) = (self.blocks, GivenUp(self.given_up.clone()));
        Box::pin(async move {
            let _given_up = given_up;
            if blocks {
                pending::<()>().await;
            }
            Ok(b"{}".to_vec())
        })
    }

    fn list(&self, _: &Readable, _: Option<String>, _: Vec<(String, String)>, _: Vec<String>) -> Reading<Vec<Vec<u8>>> {
        Box::pin(async { Err(ReadError::NotFound) })
    }
}

fn secrets() -> Granted {
    let readable = Readable { api_version: "v1".to_owned(), kind: "Secret".to_owned() };
    Granted { cluster_read: vec![readable], ..Granted::default() }
}

fn request() -> HookRequest {
    HookRequest {
        entry: "web".to_owned(),
        primary: br#"{"metadata":{"name":"a"}}"#.to_vec(),
        inputs: b"{}".to_vec(),
        children: vec![child("config", Some("k"), "{}")],
        deleting: false,
    }
}

fn child(id: &str, key: Option<&str>, object: &str) -> HookChild {
    HookChild { id: id.to_owned(), key: key.map(str::to_owned), object: object.as_bytes().to_vec() }
}

fn limits() -> HookLimits {
    HookLimits { memory: 32 << 20, fuel: 50_000_000, deadline: Duration::from_secs(5), ..HookLimits::default() }
}

fn load(guest: &Guest<'_>, granted: Granted, limits: HookLimits) -> Result<Hook, LoadError> {
    let sandbox = Sandbox::new(&Settings { slots: 2, ..Settings::default() }).unwrap();
    let settings = HookSettings { pattern: "shop".to_owned(), points: vec![guest.point], granted, limits };
    sandbox.load_hook(&guest.component(), settings)
}

fn run(hook: &Hook, cluster: Arc<Fake>) -> Result<Vec<u8>, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(hook.before_render(request(), cluster))
}

fn call(guest: &Guest<'_>, limits: HookLimits) -> Result<Vec<u8>, Failure> {
    run(&load(guest, secrets(), limits).unwrap(), Arc::default())
}

fn endless(code: &mut InstructionSink<'_>) {
    code.loop_(BlockType::Empty).br(0).end();
}

#[test]
fn a_hook_gives_values_and_may_log_and_read_what_is_declared() {
    let text = r#"Secret"#;
    let body = |code: &mut InstructionSink<'_>| {
        code.i32_const(1).i32_const(2048).i32_const(6).call(LOG);
        get_secret(code, None);
    };
    let cluster = Arc::new(Fake::default());
    let hook = load(&Guest { body: &body, text: text.as_bytes(), ..Guest::default() }, secrets(), limits()).unwrap();
    assert_eq!(run(&hook, cluster.clone()).unwrap(), text.as_bytes());
    assert_eq!(cluster.asked.load(Ordering::SeqCst), 1);
    let answer = call(&Guest::default(), limits()).unwrap();
    assert_eq!(answer, br#"{"quota":{"free":3}}"#);
}

/// A place in the memory of a guest, as a list or string is written.
fn place(at: usize, length: usize) -> Vec<u8> {
    [guest::TEXT + i32::try_from(at).unwrap(), i32::try_from(length).unwrap()].map(i32::to_le_bytes).concat()
}

fn at_point<T>(
    guest: &Guest<'_>,
    limits: HookLimits,
    call: impl AsyncFnOnce(&Hook) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let hook = load(guest, secrets(), limits).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(call(&hook))
}

#[test]
fn after_render_gives_children_with_and_without_keys() {
    // A child: its id, whether it has a key, the key, the object; what they point at follows.
    let word = |number: u32| number.to_le_bytes().to_vec();
    let first = [place(56, 1), word(1), place(57, 1), place(58, 2)].concat();
    let second = [place(56, 1), word(0), place(0, 0), place(60, 7)].concat();
    let text = [first, second, b"ak{}{\"b\":1}".to_vec()].concat();
    let guest = Guest { point: Point::AfterRender, text: &text, items: Some(2), ..Guest::default() };
    let rendered = vec![child("a", None, "{}")];
    let call = async |hook: &Hook| hook.after_render(request(), rendered.clone(), Arc::<Fake>::default()).await;
    assert_eq!(at_point(&guest, limits(), call), Ok(vec![child("a", Some("k"), "{}"), child("a", None, r#"{"b":1}"#)]));
    // All of it together is bounded.
    let small = HookLimits { output: 8, ..limits() };
    let failure = at_point(&guest, small, call).unwrap_err();
    assert!(matches!(failure, Failure::OutputTooLarge { .. } | Failure::InvalidOutput(_)), "{failure:?}");
}

#[test]
fn validate_names_fields_and_finalize_says_what_it_waits_for() {
    let text = [place(16, 9), place(25, 3), b"spec.sizebig".to_vec()].concat();
    let guest = Guest { point: Point::Validate, text: &text, items: Some(1), ..Guest::default() };
    let violations =
        at_point(&guest, limits(), async |hook: &Hook| hook.validate(request(), Arc::<Fake>::default()).await).unwrap();
    let found: Vec<_> = violations.iter().map(|found| (found.field.as_str(), found.message.as_str())).collect();
    assert_eq!(found, [("spec.size", "big")]);

    let finalize = async |hook: &Hook| hook.finalize(request(), Arc::<Fake>::default()).await;
    let done = Guest { point: Point::Finalize, ..Guest::default() };
    assert_eq!(at_point(&done, limits(), finalize), Ok(Finalized::Done));
    let waits = Guest { point: Point::Finalize, text: b"a backup\n", answer: (0, 1), ..Guest::default() };
    let wait = Finalized::Wait { message: "a backup\\u{a}".to_owned(), after: None };
    assert_eq!(at_point(&waits, limits(), finalize), Ok(wait));
}

#[test]
fn convert_gives_one_target_for_each_object_and_can_ask_nobody() {
    let text = [place(8, 10), br#"{"spec":1}"#.to_vec()].concat();
    let object = || HookConversion { source: b"{}".to_vec(), target: b"{}".to_vec() };
    let guest = Guest { point: Point::Convert, text: &text, items: Some(1), ..Guest::default() };
    let one = async |hook: &Hook| hook.convert("web", "v1", vec![object()]).await;
    assert_eq!(at_point(&guest, limits(), one), Ok(vec![br#"{"spec":1}"#.to_vec()]));
    let two = async |hook: &Hook| hook.convert("web", "v1", vec![object(), object()]).await;
    assert_eq!(at_point(&guest, limits(), two).unwrap_err().reason(), "InvalidOutput");
    // The guest traps if the answer is not that access is denied.
    let reads = |code: &mut InstructionSink<'_>| get_secret(code, Some(0));
    let text = b"Secret";
    let guest = Guest { point: Point::Convert, body: &reads, text, items: Some(0), ..Guest::default() };
    assert_eq!(at_point(&guest, limits(), async |hook: &Hook| hook.convert("web", "v1", Vec::new()).await), Ok(vec![]));
}

#[test]
fn a_point_that_a_component_does_not_export_is_missing_at_load() {
    let sandbox = Sandbox::new(&Settings { slots: 2, ..Settings::default() }).unwrap();
    let settings =
        |points: &[Point]| HookSettings { points: points.to_vec(), granted: secrets(), ..HookSettings::default() };
    for exported in Point::ALL {
        let component = Guest { point: exported, ..Guest::default() }.component();
        for wanted in Point::ALL {
            let missing = sandbox.load_hook(&component, settings(&[exported, wanted])).err();
            let expected = (wanted != exported).then_some(LoadError::PointMissing { point: wanted });
            assert_eq!(missing, expected, "{exported} {wanted}");
        }
        // What it has beside those that are wanted is never called.
        assert!(sandbox.load_hook(&component, settings(&[])).is_ok());
    }
}

#[test]
fn a_hooks_own_failure_is_shown_with_its_words() {
    let failed =
        |kind| call(&Guest { text: b"no\nquota", answer: (1, kind), ..Guest::default() }, limits()).unwrap_err();
    let wanted = |retry_after| Failure::HookFailed { message: "no\\u{a}quota".to_owned(), retry_after };
    assert_eq!(failed(0), wanted(None));
    assert_eq!(failed(1), wanted(Some(Duration::ZERO)));
    assert!(failed(1).is_transient() && !failed(0).is_transient());
}

#[test]
fn each_way_to_fail_has_its_name_and_the_next_call_is_as_if_nothing_had_been() {
    let grow = |code: &mut InstructionSink<'_>| {
        code.i32_const(1024).memory_grow(0).drop();
    };
    let logs = |code: &mut InstructionSink<'_>| {
        code.loop_(BlockType::Empty).i32_const(0).i32_const(2048).i32_const(1).call(LOG).br(0).end();
    };
    let trap = |code: &mut InstructionSink<'_>| {
        code.unreachable();
    };
    // The answer's length is beyond the memory.
    let lies = |code: &mut InstructionSink<'_>| {
        code.i32_const(guest::ANSWER).i32_const(i32::MAX).i32_store(at(12));
    };
    let large = |bytes: i32| {
        move |code: &mut InstructionSink<'_>| {
            code.i32_const(bytes >> 16)
                .memory_grow(0)
                .drop()
                .i32_const(guest::ANSWER)
                .i32_const(bytes)
                .i32_store(at(12));
        }
    };
    for (name, guest) in [
        ("FuelExceeded", Guest { body: &endless, ..Guest::default() }),
        ("FuelExceeded", Guest { start: &endless, ..Guest::default() }),
        ("MemoryExceeded", Guest { body: &grow, ..Guest::default() }),
        ("HostCallsExceeded", Guest { body: &logs, ..Guest::default() }),
        ("Trapped", Guest { body: &trap, ..Guest::default() }),
        ("Trapped", Guest { start: &trap, ..Guest::default() }),
        ("InvalidOutput", Guest { body: &lies, ..Guest::default() }),
        ("InvalidOutput", Guest { text: b"\xff", ..Guest::default() }),
        ("OutputTooLarge", Guest { body: &large(5 << 20), ..Guest::default() }),
        ("InvalidOutput", Guest { body: &large(17 << 20), ..Guest::default() }),
    ] {
        let failure = call(&guest, limits()).unwrap_err();
        assert_eq!(failure.reason(), name, "{failure:?}");
    }
    // The twin of each: the same within its limits.
    let once = |code: &mut InstructionSink<'_>| {
        code.i32_const(10).memory_grow(0).drop().i32_const(0).i32_const(2048).i32_const(1).call(LOG);
    };
    assert!(call(&Guest { body: &once, start: &|_| {}, ..Guest::default() }, limits()).is_ok());
}

#[test]
fn what_computes_and_what_waits_ends_at_the_deadline() {
    let short = HookLimits { fuel: u64::MAX, deadline: Duration::from_millis(200), ..limits() };
    let waits = |code: &mut InstructionSink<'_>| get_secret(code, None);
    for (name, guest) in [
        ("computes", Guest { body: &endless, ..Guest::default() }),
        ("computes in start", Guest { start: &endless, ..Guest::default() }),
        ("waits", Guest { body: &waits, text: b"Secret", ..Guest::default() }),
    ] {
        let hook = load(&guest, secrets(), short.clone()).unwrap();
        let cluster = Arc::new(Fake { blocks: true, ..Fake::default() });
        let given_up = cluster.given_up.clone();
        let start = Instant::now();
        assert_eq!(run(&hook, cluster), Err(Failure::DeadlineExceeded(short.deadline)), "{name}");
        // How much later is the benchmark's to say; that it ends by itself is this test's.
        assert!(start.elapsed() >= short.deadline, "{name}");
        assert_eq!(given_up.load(Ordering::SeqCst), name == "waits", "{name}: the read is given up");
    }
}

#[test]
fn an_import_that_is_not_granted_is_refused_before_anything_runs() {
    let use_it = |code: &mut InstructionSink<'_>| {
        code.call(EXTRA).drop();
    };
    let all = || Granted { clocks: true, random: true, ..secrets() };
    for (extra, granted) in
        [(RANDOM, Granted { random: true, ..secrets() }), (CLOCK, Granted { clocks: true, ..secrets() })]
    {
        let guest = Guest { body: &use_it, extra: Some(extra), ..Guest::default() };
        let denied = load(&guest, secrets(), limits()).err();
        assert_eq!(denied, Some(LoadError::CapabilityDenied { import: extra.0.to_owned() }));
        assert!(run(&load(&guest, granted, limits()).unwrap(), Arc::default()).is_ok(), "{}", extra.0);
    }
    let never = Guest { body: &use_it, extra: Some(EXIT), ..Guest::default() };
    assert_eq!(load(&never, all(), limits()).err(), Some(LoadError::CapabilityDenied { import: EXIT.0.to_owned() }));
    // Reading the cluster is a capability like others.
    let reads = Guest::default();
    let denied = LoadError::CapabilityDenied { import: "orkestra:host/cluster-read@0.1.0".to_owned() };
    assert_eq!(load(&reads, Granted::default(), limits()).err(), Some(denied));
}

#[test]
fn a_kind_that_is_not_declared_is_denied_and_nobody_is_asked() {
    let body = |code: &mut InstructionSink<'_>| get_secret(code, Some(0));
    let mut granted = secrets();
    granted.cluster_read[0].kind = "ConfigMap".to_owned();
    let hook = load(&Guest { body: &body, text: b"Secret", ..Guest::default() }, granted, limits()).unwrap();
    let cluster = Arc::new(Fake::default());
    assert!(run(&hook, cluster.clone()).is_ok());
    assert_eq!(cluster.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn no_more_calls_run_than_may_and_a_call_that_is_dropped_ends() {
    let waits = |code: &mut InstructionSink<'_>| get_secret(code, None);
    let guest = Guest { body: &waits, text: b"Secret", ..Guest::default() };
    let hook = load(&guest, secrets(), HookLimits { concurrency: 1, ..limits() }).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let cluster = Arc::new(Fake { blocks: true, ..Fake::default() });
        let given_up = cluster.given_up.clone();
        let first = tokio::spawn({
            let (hook, cluster) = (hook.clone(), cluster.clone());
            async move { hook.before_render(request(), cluster).await }
        });
        while cluster.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let second = hook.before_render(request(), Arc::new(Fake::default())).await;
        assert!(matches!(second, Err(Failure::HostBusy(_))), "{second:?}");
        first.abort();
        assert!(first.await.is_err());
        assert!(given_up.load(Ordering::SeqCst));
        assert!(hook.before_render(request(), Arc::new(Fake::default())).await.is_ok());
    });
}
