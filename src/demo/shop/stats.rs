//! What the service counts about itself. Never counts who only looks at it (`/stats`, `/metrics`, `/health`,
//! `/version`).

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Length of the window `/stats` looks back on.
pub const WINDOW: Duration = Duration::from_secs(5);
/// Upper ends of the latency buckets in seconds.
const BUCKETS: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
/// Bounds memory under a flood; the oldest go first, which shortens the window.
const MOST: usize = 50_000;

/// One request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// When the answer was ready.
    pub at: Instant,
    /// Route, one of a fixed few.
    pub route: &'static str,
    /// Status code.
    pub code: u16,
    /// How long it took.
    pub took: Duration,
}

/// `/stats`.
#[derive(Debug, PartialEq, Serialize)]
pub struct Window {
    /// Length of the window.
    pub window_seconds: f64,
    /// Requests in it, per second.
    pub requests_per_second: f64,
    /// Share of its checkouts that failed; `null` without a checkout.
    pub error_share: Option<f64>,
    /// 95th percentile of the time an answer took; `null` without a request.
    pub p95_seconds: Option<f64>,
}

/// Counters since the start and the requests of the window.
#[derive(Debug)]
pub struct Stats {
    began: Instant,
    window: VecDeque<Served>,
    totals: BTreeMap<(&'static str, u16), u64>,
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum_seconds: f64,
}

impl Stats {
    /// Nothing counted yet.
    pub fn new(began: Instant) -> Self {
        Stats {
            began,
            window: VecDeque::new(),
            totals: BTreeMap::new(),
            buckets: [0; BUCKETS.len()],
            count: 0,
            sum_seconds: 0.0,
        }
    }

    /// Counts a request.
    pub fn count(&mut self, served: Served) {
        *self.totals.entry((served.route, served.code)).or_default() += 1;
        let seconds = served.took.as_secs_f64();
        self.count += 1;
        self.sum_seconds += seconds;
        for (bucket, end) in self.buckets.iter_mut().zip(BUCKETS) {
            if seconds <= end {
                *bucket += 1;
            }
        }
        self.forget(served.at);
        if self.window.len() >= MOST {
            self.window.pop_front();
        }
        self.window.push_back(served);
    }

    fn forget(&mut self, now: Instant) {
        while self.window.front().is_some_and(|s| now.duration_since(s.at) > WINDOW) {
            self.window.pop_front();
        }
    }

    /// The last few seconds.
    pub fn window(&mut self, now: Instant) -> Window {
        self.forget(now);
        let length = now.duration_since(self.began).clamp(Duration::from_millis(500), WINDOW).as_secs_f64();
        let checkouts = self.window.iter().filter(|s| s.route == "/checkout").count();
        let failed = self.window.iter().filter(|s| s.route == "/checkout" && s.code >= 500).count();
        let mut times: Vec<Duration> = self.window.iter().map(|s| s.took).collect();
        times.sort_unstable();
        let rank = (times.len() * 95).div_ceil(100).saturating_sub(1);
        Window {
            window_seconds: length,
            requests_per_second: self.window.len() as f64 / length,
            error_share: (checkouts > 0).then(|| failed as f64 / checkouts as f64),
            p95_seconds: times.get(rank).map(Duration::as_secs_f64),
        }
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn exposition(&self) -> String {
        let mut text = String::from(
            "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n",
        );
        for ((route, code), n) in &self.totals {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "http_requests_total{{path=\"{route}\",code=\"{code}\"}} {n}");
        }
        text.push_str("# HELP http_request_duration_seconds Time to answer.\n");
        text.push_str("# TYPE http_request_duration_seconds histogram\n");
        for (bucket, end) in self.buckets.iter().zip(BUCKETS) {
            let _ = writeln!(text, "http_request_duration_seconds_bucket{{le=\"{end}\"}} {bucket}");
        }
        let _ = writeln!(text, "http_request_duration_seconds_bucket{{le=\"+Inf\"}} {}", self.count);
        let _ = writeln!(text, "http_request_duration_seconds_sum {}", self.sum_seconds);
        let _ = writeln!(text, "http_request_duration_seconds_count {}", self.count);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(at: Instant, route: &'static str, code: u16, millis: u64) -> Served {
        Served { at, route, code, took: Duration::from_millis(millis) }
    }

    #[test]
    fn the_window_forgets_and_the_totals_do_not() {
        let start = Instant::now();
        let mut stats = Stats::new(start);
        for i in 0..10 {
            let code = if i < 3 { 500 } else { 200 };
            stats.count(served(start + Duration::from_secs(1), "/checkout", code, 10 * (i + 1)));
        }
        stats.count(served(start + Duration::from_secs(1), "/", 200, 1));
        let seen = stats.window(start + Duration::from_secs(5));
        assert_eq!(seen.error_share, Some(0.3));
        assert_eq!(seen.p95_seconds, Some(0.1));
        assert!((seen.requests_per_second - 11.0 / 5.0).abs() < 1e-9);
        let later = stats.window(start + Duration::from_secs(60));
        assert_eq!((later.error_share, later.p95_seconds, later.requests_per_second), (None, None, 0.0));
        let text = stats.exposition();
        assert!(text.contains("http_requests_total{path=\"/checkout\",code=\"500\"} 3\n"), "{text}");
        assert!(text.contains("_bucket{le=\"0.05\"} 6\n") && text.contains("_count 11\n"), "{text}");
    }
}
