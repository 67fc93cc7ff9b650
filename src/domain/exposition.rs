//! Figures as Prometheus reads them: the text format, and a histogram of durations. Pure; who counts is another's
//! business.

use std::fmt::Write as _;
use std::time::Duration;

/// Upper bounds of the buckets, in milliseconds: from a cached answer to the longest that a hook takes.
const BOUNDS: [u32; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/// How many durations fell under each bound, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

impl Histogram {
    /// Takes one duration in.
    pub fn observe(&mut self, took: Duration) {
        self.count += 1;
        self.sum = self.sum.saturating_add(took);
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(took <= Duration::from_millis(u64::from(bound)));
        }
    }
}

/// A text in the exposition format, version 0.0.4.
#[derive(Clone, Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// What the text is, as a `Content-Type`.
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// Begins a figure that only grows.
    pub fn counter(&mut self, name: &str, help: &str) {
        self.family(name, help, "counter");
    }

    /// Begins a figure that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str) {
        self.family(name, help, "gauge");
    }

    /// One value of the figure that was begun last.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels = braced(labels);
        self.line(&format!("{name}{labels} {value}"));
    }

    /// A whole histogram, in seconds.
    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.family(name, help, "histogram");
        for (bucket, bound) in histogram.buckets.iter().zip(BOUNDS) {
            let bound = (f64::from(bound) / 1000.0).to_string();
            self.sample(&format!("{name}_bucket"), &[("le", &bound)], *bucket);
        }
        self.sample(
            &format!("{name}_bucket"),
            &[("le", "+Inf")],
            histogram.count,
        );
        self.line(&format!("{name}_sum {}", histogram.sum.as_secs_f64()));
        self.sample(&format!("{name}_count"), &[], histogram.count);
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }

    fn family(&mut self, name: &str, help: &str, kind: &str) {
        self.line(&format!("# HELP {name} {help}"));
        self.line(&format!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, text: &str) {
        // Writing to a string can't fail.
        let _always = writeln!(self.0, "{text}");
    }
}

fn braced(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    format!("{{{}}}", labels.join(","))
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let mut text = Exposition::default();
        text.counter("calls_total", "Calls by outcome.");
        text.sample("calls_total", &[("outcome", "a \"b\"\n\\")], 3);
        text.gauge("open", "Whether it is open.");
        text.sample("open", &[], 1);
        assert_eq!(
            text.into_text(),
            "# HELP calls_total Calls by outcome.\n# TYPE calls_total counter\n\
             calls_total{outcome=\"a \\\"b\\\"\\n\\\\\"} 3\n\
             # HELP open Whether it is open.\n# TYPE open gauge\nopen 1\n"
        );
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        let mut histogram = Histogram::default();
        for millis in [1, 3, 40, 9000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut text = Exposition::default();
        text.histogram("took_seconds", "How long it took.", &histogram);
        let text = text.into_text();
        for line in [
            "took_seconds_bucket{le=\"0.001\"} 1",
            "took_seconds_bucket{le=\"0.005\"} 2",
            "took_seconds_bucket{le=\"0.05\"} 3",
            "took_seconds_bucket{le=\"5\"} 3",
            "took_seconds_bucket{le=\"+Inf\"} 4",
            "took_seconds_sum 9.044",
            "took_seconds_count 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
