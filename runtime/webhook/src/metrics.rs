//! What was converted and admitted, counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram's buckets, in seconds. Kubernetes' own objective for one object is 0.05.
pub const BUCKETS: [f64; 13] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0];

/// Reviews at admission and the time of all of them, by operation and result.
pub type Admissions = BTreeMap<(&'static str, &'static str), (u64, Duration)>;

/// Counters of one server.
#[derive(Debug, Default)]
pub struct Metrics {
    succeeded: AtomicU64,
    /// Requests without converted objects, by reason; few words, all of them ours.
    failed: Mutex<BTreeMap<&'static str, u64>>,
    objects: AtomicU64,
    buckets: [AtomicU64; BUCKETS.len()],
    nanoseconds: AtomicU64,
    in_flight: Arc<AtomicU64>,
    /// Reviews at admission by what was asked and how it was answered; few words, all of them ours.
    admissions: Mutex<Admissions>,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Requests by result: `Success`, or why there was none.
    pub requests: BTreeMap<&'static str, u64>,
    /// Objects that reviews asked for.
    pub objects: u64,
    /// Requests by the bucket that their time falls into; longer ones are in `requests` only.
    pub buckets: [u64; BUCKETS.len()],
    /// The time of all requests.
    pub time: Duration,
    /// Bytes of the reviews that are in work now.
    pub in_flight_bytes: u64,
    /// Reviews at admission, and the time of all of them, by operation (`mutate`, `validate`) and result: `Allowed`, `Invalid`, or
    /// why there was no review.
    pub admissions: Admissions,
}

impl Metrics {
    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let mut requests = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        requests.insert("Success", self.succeeded.load(Ordering::Relaxed));
        Snapshot {
            requests,
            objects: self.objects.load(Ordering::Relaxed),
            buckets: std::array::from_fn(|index| self.buckets[index].load(Ordering::Relaxed)),
            time: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
            in_flight_bytes: self.in_flight.load(Ordering::Relaxed),
            admissions: self.admissions.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(crate) fn count(&self, result: &'static str, objects: usize, took: Duration) {
        match result {
            "Success" => drop(self.succeeded.fetch_add(1, Ordering::Relaxed)),
            reason => *self.failed.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1,
        }
        self.objects.fetch_add(objects as u64, Ordering::Relaxed);
        self.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        if let Some((_, bucket)) = BUCKETS.iter().zip(&self.buckets).find(|(bound, _)| seconds <= **bound) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_admission(&self, operation: &'static str, result: &'static str, took: Duration) {
        let mut admissions = self.admissions.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, time) = admissions.entry((operation, result)).or_default();
        *count += 1;
        *time += took;
    }

    /// Counts bytes as in flight for as long as what is given lives.
    pub(crate) fn hold(&self, bytes: u64) -> Counted {
        self.in_flight.fetch_add(bytes, Ordering::Relaxed);
        Counted { in_flight: self.in_flight.clone(), bytes }
    }
}

/// Bytes that are counted as in flight.
pub(crate) struct Counted {
    in_flight: Arc<AtomicU64>,
    bytes: u64,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Snapshot {
    /// The counters in Prometheus' text format. Labels hold our own words, never anything that a guest or a client says.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut family = |name: &str, kind: &str, help: &str, lines: &mut dyn FnMut(&mut String)| {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            lines(&mut out);
        };
        let requests = "orkestra_conversion_requests_total";
        family(requests, "counter", "Requests for conversion, by result.", &mut |out| {
            for (result, count) in &self.requests {
                let _ = writeln!(out, "{requests}{{result=\"{result}\"}} {count}");
            }
        });
        let objects = "orkestra_conversion_objects_total";
        family(objects, "counter", "Objects that were to be converted.", &mut |out| {
            let _ = writeln!(out, "{objects} {}", self.objects);
        });
        let seconds = "orkestra_conversion_seconds";
        family(seconds, "histogram", "Time of a request, from its head to its answer.", &mut |out| {
            let mut sum = 0;
            for (bound, bucket) in BUCKETS.iter().zip(self.buckets) {
                sum += bucket;
                let _ = writeln!(out, "{seconds}_bucket{{le=\"{bound}\"}} {sum}");
            }
            let total: u64 = self.requests.values().sum();
            let _ = writeln!(out, "{seconds}_bucket{{le=\"+Inf\"}} {total}");
            let _ = writeln!(out, "{seconds}_sum {}\n{seconds}_count {total}", self.time.as_secs_f64());
        });
        let bytes = "orkestra_conversion_in_flight_bytes";
        family(bytes, "gauge", "Bytes of the reviews that are in work.", &mut |out| {
            let _ = writeln!(out, "{bytes} {}", self.in_flight_bytes);
        });
        let reviews = "orkestra_admission_requests_total";
        family(reviews, "counter", "Reviews at admission, by what was asked and how it was answered.", &mut |out| {
            for ((operation, result), (count, _)) in &self.admissions {
                let _ = writeln!(out, "{reviews}{{operation=\"{operation}\",result=\"{result}\"}} {count}");
            }
        });
        let time = "orkestra_admission_seconds_total";
        family(time, "counter", "Time of these reviews, from their heads to their answers.", &mut |out| {
            for ((operation, result), (_, took)) in &self.admissions {
                let took = took.as_secs_f64();
                let _ = writeln!(out, "{time}{{operation=\"{operation}\",result=\"{result}\"}} {took}");
            }
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_counts_what_happened() {
        let metrics = Metrics::default();
        metrics.count("Success", 1, Duration::from_micros(200));
        metrics.count("Success", 3, Duration::from_millis(2));
        metrics.count("WrongCount", 1, Duration::from_secs(60));
        metrics.count_admission("validate", "Invalid", Duration::from_millis(2));
        metrics.count_admission("validate", "Invalid", Duration::from_millis(1));
        let held = metrics.hold(7);
        let text = metrics.snapshot().text();
        for line in [
            "orkestra_conversion_requests_total{result=\"Success\"} 2",
            "orkestra_conversion_requests_total{result=\"WrongCount\"} 1",
            "orkestra_conversion_objects_total 5",
            "orkestra_conversion_seconds_bucket{le=\"0.00025\"} 1",
            "orkestra_conversion_seconds_bucket{le=\"10\"} 2",
            "orkestra_conversion_seconds_bucket{le=\"+Inf\"} 3",
            "orkestra_conversion_seconds_count 3",
            "orkestra_conversion_in_flight_bytes 7",
            "orkestra_admission_requests_total{operation=\"validate\",result=\"Invalid\"} 2",
            "orkestra_admission_seconds_total{operation=\"validate\",result=\"Invalid\"} 0.003",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        drop(held);
        assert_eq!(metrics.snapshot().in_flight_bytes, 0);
    }
}
