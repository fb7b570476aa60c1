//! Counters for those who run the server, in the text form of Prometheus. No label ever holds an id or a value.

use super::route::ROUTES;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of durations, in microseconds.
const BUCKETS: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 10_000_000];
/// Classes of status: 1xx to 5xx.
const CLASSES: usize = 5;

/// What is counted of one route.
#[derive(Debug, Default)]
struct OfRoute {
    by_class: [AtomicU64; CLASSES],
    by_duration: [AtomicU64; BUCKETS.len()],
    micros: AtomicU64,
}

/// What is counted.
#[derive(Debug)]
pub(super) struct Metrics {
    routes: Vec<OfRoute>,
    /// Requests that no route took.
    lost: OfRoute,
    connections: AtomicU64,
    refused_connections: AtomicU64,
    refused_requests: AtomicU64,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            routes: ROUTES.iter().map(|_| OfRoute::default()).collect(),
            lost: OfRoute::default(),
            connections: AtomicU64::new(0),
            refused_connections: AtomicU64::new(0),
            refused_requests: AtomicU64::new(0),
        }
    }

    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused_connection(&self) {
        self.refused_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that was refused as it came over the wire.
    pub(super) fn refused_request(&self) {
        self.refused_requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was answered; `route` is its place in the table.
    pub(super) fn answered(&self, route: Option<usize>, status: u16, took: Duration) {
        let counted = route.and_then(|route| self.routes.get(route)).unwrap_or(&self.lost);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = counted.by_class.get(usize::from(status / 100).saturating_sub(1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let bucket = BUCKETS.iter().position(|bound| micros <= *bound);
        if let Some(count) = bucket.and_then(|bucket| counted.by_duration.get(bucket)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        counted.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The text of all counters.
    pub(super) fn text(&self) -> String {
        let mut out = String::with_capacity(4 << 10);
        let mut plain = |name: &str, help: &str, count: &AtomicU64| {
            let count = count.load(Ordering::Relaxed);
            out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}\n"));
        };
        plain("sauma_connections_total", "Connections that came.", &self.connections);
        plain("sauma_connections_refused_total", "Connections over a limit.", &self.refused_connections);
        plain("sauma_requests_malformed_total", "Requests refused on the wire.", &self.refused_requests);
        let named = || {
            let routes = ROUTES.iter().map(|route| (route.method.as_str(), route.template()));
            routes.zip(&self.routes).chain([(("", "none".to_owned()), &self.lost)])
        };
        out.push_str("# HELP sauma_requests_total Requests by route and class of status.\n# TYPE sauma_requests_total counter\n");
        for ((method, template), counted) in named() {
            for (class, count) in counted.by_class.iter().enumerate() {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let class = class + 1;
                    out.push_str(&format!(
                        "sauma_requests_total{{method=\"{method}\",route=\"{template}\",status=\"{class}xx\"}} {count}\n"
                    ));
                }
            }
        }
        out.push_str("# HELP sauma_request_seconds Time from the head of a request to its answer.\n# TYPE sauma_request_seconds histogram\n");
        for ((method, template), counted) in named() {
            counted.durations(method, &template, &mut out);
        }
        out
    }
}

impl OfRoute {
    fn durations(&self, method: &str, template: &str, out: &mut String) {
        let all: u64 = self.by_class.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        if all == 0 {
            return;
        }
        let labels = format!("method=\"{method}\",route=\"{template}\"");
        let mut sum = 0;
        for (bound, count) in BUCKETS.iter().zip(&self.by_duration) {
            sum += count.load(Ordering::Relaxed);
            out.push_str(&format!(
                "sauma_request_seconds_bucket{{{labels},le=\"{}\"}} {sum}\n",
                seconds(*bound)
            ));
        }
        let micros = self.micros.load(Ordering::Relaxed);
        out.push_str(&format!("sauma_request_seconds_bucket{{{labels},le=\"+Inf\"}} {all}\n"));
        out.push_str(&format!("sauma_request_seconds_sum{{{labels}}} {}\n", seconds(micros)));
        out.push_str(&format!("sauma_request_seconds_count{{{labels}}} {all}\n"));
    }
}

/// Microseconds as seconds.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_by_route() {
        let metrics = Metrics::new();
        metrics.connection();
        metrics.answered(Some(0), 200, Duration::from_micros(70));
        metrics.answered(None, 404, Duration::from_mins(1));
        let text = metrics.text();
        for line in [
            "sauma_connections_total 1",
            "sauma_requests_total{method=\"GET\",route=\"/health\",status=\"2xx\"} 1",
            "sauma_request_seconds_bucket{method=\"GET\",route=\"/health\",le=\"0.000100\"} 1",
            "sauma_request_seconds_bucket{method=\"\",route=\"none\",le=\"10.000000\"} 0",
            "sauma_request_seconds_sum{method=\"\",route=\"none\"} 60.000000",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} in\n{text}");
        }
    }
}
