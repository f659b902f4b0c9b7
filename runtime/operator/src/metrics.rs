//! Counters under the names that people's dashboards already use, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orkestra_sandbox::Metrics;

use crate::about::Broken;

/// Upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How one reconcile ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is as it should be, or on its way.
    Success,
    /// The plan asked to be called again.
    RequeueAfter,
    /// Something went wrong.
    Error,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Success, Self::RequeueAfter, Self::Error];

    /// The word for it, in metrics and traces.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error => "error",
        }
    }
}

/// The counters of one entry.
#[derive(Default)]
pub(crate) struct ControllerMetrics {
    outcomes: [AtomicU64; 3],
    buckets: [AtomicU64; BUCKETS.len()],
    nanoseconds: AtomicU64,
    /// Reconciles that failed since one did not.
    failed_in_a_row: AtomicU64,
    /// Errors by reason; few words, all the host's own.
    errors: std::sync::Mutex<BTreeMap<&'static str, u64>>,
    pub(crate) active: AtomicU64,
}

impl ControllerMetrics {
    pub(crate) fn count(&self, outcome: Outcome, took: Duration) {
        if let Some(counter) = self.outcomes.get(outcome as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        match outcome {
            Outcome::Error => drop(self.failed_in_a_row.fetch_add(1, Ordering::Relaxed)),
            Outcome::Success | Outcome::RequeueAfter => self.failed_in_a_row.store(0, Ordering::Relaxed),
        }
        self.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        if let Some((_, bucket)) = BUCKETS.iter().zip(&self.buckets).find(|(bound, _)| seconds <= **bound) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many reconciles failed one after another, of whatever primaries.
    pub(crate) fn failed_in_a_row(&self) -> u64 {
        self.failed_in_a_row.load(Ordering::Relaxed)
    }

    pub(crate) fn error(&self, reason: &'static str) {
        *crate::lock::lock(&self.errors).entry(reason).or_default() += 1;
    }

    /// Reconciles by their end: success, asked to be called again, error.
    pub(crate) fn outcomes(&self) -> [u64; 3] {
        self.outcomes.each_ref().map(|counter| counter.load(Ordering::Relaxed))
    }

    fn total(&self) -> u64 {
        self.outcomes.iter().map(|counter| counter.load(Ordering::Relaxed)).sum()
    }
}

/// One entry as the text shows it.
pub(crate) struct Row<'a> {
    /// `instance/entry`
    pub(crate) controller: &'a str,
    pub(crate) metrics: &'a ControllerMetrics,
    pub(crate) depth: usize,
    pub(crate) adds: u64,
    pub(crate) workers: usize,
}

/// The text for all entries. Labels hold names of instances and entries, never anything that a guest says.
pub(crate) fn text(
    rows: &[Row<'_>],
    cached: &[(String, usize)],
    sandbox: &[(&str, Metrics)],
    hooks: &[(&str, Metrics)],
    broken: &[Broken],
    leads: bool,
) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, lines: &mut dyn FnMut(&mut String)| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        lines(&mut out);
    };
    family("orkestra_leader", "gauge", "Whether this process leads and writes.", &mut |out| {
        let _ = writeln!(out, "orkestra_leader {}", u8::from(leads));
    });
    family("controller_runtime_reconcile_total", "counter", "Reconciles by entry and result.", &mut |out| {
        for row in rows {
            for (result, counter) in Outcome::ALL.iter().zip(&row.metrics.outcomes) {
                let (result, count) = (result.word(), counter.load(Ordering::Relaxed));
                let _ = writeln!(
                    out,
                    "controller_runtime_reconcile_total{{controller=\"{}\",result=\"{result}\"}} {count}",
                    row.controller
                );
            }
        }
    });
    family("controller_runtime_reconcile_errors_total", "counter", "Reconciles that failed, by entry.", &mut |out| {
        for row in rows {
            let count = row.metrics.outcomes[Outcome::Error as usize].load(Ordering::Relaxed);
            let _ =
                writeln!(out, "controller_runtime_reconcile_errors_total{{controller=\"{}\"}} {count}", row.controller);
        }
    });
    family("orkestra_reconcile_problems_total", "counter", "What went wrong in reconciles, by reason.", &mut |out| {
        for row in rows {
            for (reason, count) in crate::lock::lock(&row.metrics.errors).iter() {
                let _ = writeln!(
                    out,
                    "orkestra_reconcile_problems_total{{controller=\"{}\",reason=\"{reason}\"}} {count}",
                    row.controller
                );
            }
        }
    });
    family("controller_runtime_reconcile_time_seconds", "histogram", "Time of a reconcile.", &mut |out| {
        let name = "controller_runtime_reconcile_time_seconds";
        for row in rows {
            let mut sum = 0;
            for (bound, bucket) in BUCKETS.iter().zip(&row.metrics.buckets) {
                sum += bucket.load(Ordering::Relaxed);
                let _ = writeln!(out, "{name}_bucket{{controller=\"{}\",le=\"{bound}\"}} {sum}", row.controller);
            }
            let total = row.metrics.total();
            let seconds = Duration::from_nanos(row.metrics.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
            let _ = writeln!(out, "{name}_bucket{{controller=\"{}\",le=\"+Inf\"}} {total}", row.controller);
            let _ = writeln!(out, "{name}_sum{{controller=\"{}\"}} {seconds}", row.controller);
            let _ = writeln!(out, "{name}_count{{controller=\"{}\"}} {total}", row.controller);
        }
    });
    let mut simple = |name: &str, kind: &str, help: &str, label: &str, value: &dyn Fn(&Row<'_>) -> u64| {
        family(name, kind, help, &mut |out| {
            for row in rows {
                let _ = writeln!(out, "{name}{{{label}=\"{}\"}} {}", row.controller, value(row));
            }
        });
    };
    let active = |row: &Row<'_>| row.metrics.active.load(Ordering::Relaxed);
    simple("controller_runtime_active_workers", "gauge", "Reconciles that run now.", "controller", &active);
    let workers = |row: &Row<'_>| row.workers as u64;
    simple("controller_runtime_max_concurrent_reconciles", "gauge", "Workers of an entry.", "controller", &workers);
    simple("workqueue_depth", "gauge", "Objects that wait for a reconcile.", "name", &|row| row.depth as u64);
    simple("workqueue_adds_total", "counter", "Objects that were put in line.", "name", &|row| row.adds);
    family("orkestra_cached_objects", "gauge", "Objects held, by resource.", &mut |out| {
        for (resource, count) in cached {
            let _ = writeln!(out, "orkestra_cached_objects{{resource=\"{resource}\"}} {count}");
        }
    });
    for (of, calls, counters) in [("sandbox", "a component", sandbox), ("hook", "a hook", hooks)] {
        let name = format!("orkestra_{of}_instantiations_total");
        family(&name, "counter", &format!("Instances of {calls} made, one a call."), &mut |out| {
            for (pattern, counted) in counters {
                let _ = writeln!(out, "{name}{{pattern=\"{pattern}\"}} {}", counted.instantiations);
            }
        });
        let name = format!("orkestra_{of}_failures_total");
        family(&name, "counter", &format!("Calls of {calls} without a result, by reason."), &mut |out| {
            for (pattern, counted) in counters {
                for (reason, count) in &counted.failures {
                    let _ = writeln!(out, "{name}{{pattern=\"{pattern}\",reason=\"{reason}\"}} {count}");
                }
            }
        });
        let name = format!("orkestra_{of}_memory_high_water_bytes");
        family(&name, "gauge", &format!("The most memory that one call of {calls} had."), &mut |out| {
            for (pattern, counted) in counters {
                let _ = writeln!(out, "{name}{{pattern=\"{pattern}\"}} {}", counted.memory_high_water);
            }
        });
    }
    family("orkestra_broken_imports", "gauge", "Imports that do not run, by reason.", &mut |out| {
        for Broken { name, reason, .. } in broken {
            // Of an import that could not be read only its path is known, which may hold anything.
            let name = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = writeln!(out, "orkestra_broken_imports{{pattern=\"{name}\",reason=\"{reason}\"}} 1");
        }
    });
    out
}

/// In how many parts the primaries are divided, and how many of them this process works on.
pub(crate) fn shards(count: usize, held: usize) -> String {
    let (all, ours) = ("orkestra_shards", "orkestra_shards_held");
    format!(
        "# HELP {all} Parts that the resources are divided into.\n# TYPE {all} gauge\n{all} {count}\n\
         # HELP {ours} Parts that this process works on.\n# TYPE {ours} gauge\n{ours} {held}\n"
    )
}

/// How many rights are missing. Accounts are of the host's making.
pub(crate) fn missing_rights(missing: &BTreeMap<String, usize>) -> String {
    let name = "orkestra_missing_rights";
    let mut text = format!("# HELP {name} Rights that are needed and not given, by account.\n# TYPE {name} gauge\n");
    for (account, count) in missing {
        let _ = writeln!(text, "{name}{{account=\"{account}\"}} {count}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_nothing_says_so() {
        let text = shards(3, 0);
        assert!(text.contains("\norkestra_shards 3\n") && text.ends_with("\norkestra_shards_held 0\n"), "{text}");
    }

    #[test]
    fn the_text_counts_what_happened() {
        let metrics = ControllerMetrics::default();
        metrics.count(Outcome::Success, Duration::from_millis(2));
        metrics.count(Outcome::Success, Duration::from_millis(200));
        metrics.count(Outcome::Error, Duration::from_secs(60));
        metrics.error("Forbidden");
        let row = Row { controller: "shop/web", metrics: &metrics, depth: 3, adds: 9, workers: 2 };
        let hooked = Metrics { instantiations: 4, failures: vec![("HookFailed", 2)], memory_high_water: 65_536 };
        let broken = Broken {
            name: "./a \"b\"".to_owned(),
            reason: "NotAPattern",
            message: "".into(),
            mend: None,
            denied: Vec::new(),
        };
        let text = text(&[row], &[("configmaps".to_owned(), 7)], &[], &[("shop", hooked)], &[broken], true);
        for line in [
            "orkestra_leader 1",
            "controller_runtime_reconcile_total{controller=\"shop/web\",result=\"success\"} 2",
            "controller_runtime_reconcile_total{controller=\"shop/web\",result=\"error\"} 1",
            "controller_runtime_reconcile_errors_total{controller=\"shop/web\"} 1",
            "orkestra_reconcile_problems_total{controller=\"shop/web\",reason=\"Forbidden\"} 1",
            "controller_runtime_reconcile_time_seconds_bucket{controller=\"shop/web\",le=\"0.0025\"} 1",
            "controller_runtime_reconcile_time_seconds_bucket{controller=\"shop/web\",le=\"10\"} 2",
            "controller_runtime_reconcile_time_seconds_bucket{controller=\"shop/web\",le=\"+Inf\"} 3",
            "controller_runtime_reconcile_time_seconds_count{controller=\"shop/web\"} 3",
            "workqueue_depth{name=\"shop/web\"} 3",
            "workqueue_adds_total{name=\"shop/web\"} 9",
            "orkestra_cached_objects{resource=\"configmaps\"} 7",
            "orkestra_hook_instantiations_total{pattern=\"shop\"} 4",
            "orkestra_hook_failures_total{pattern=\"shop\",reason=\"HookFailed\"} 2",
            "orkestra_hook_memory_high_water_bytes{pattern=\"shop\"} 65536",
            "orkestra_broken_imports{pattern=\"./a \\\"b\\\"\",reason=\"NotAPattern\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
