//! The text page that Prometheus reads (its exposition format 0.0.4).

use std::fmt::{Display, Write as _};

use super::Metrics;

impl Metrics {
    /// The page that Prometheus reads, to be served as `text/plain; version=0.0.4`. All names begin
    /// with `songi_`, those of counts end with `_total`.
    pub fn to_prometheus(&self) -> String {
        let mut page = Page(String::with_capacity(4096));
        page.gauge("connections", "Clients that are connected now.");
        page.labelled(
            "connections",
            "transport",
            "polling",
            self.connections_polling,
        );
        page.labelled(
            "connections",
            "transport",
            "websocket",
            self.connections_websocket,
        );
        page.counter(
            "connections_opened_total",
            "Connections, by the transport that they began with.",
        );
        let opened = "connections_opened_total";
        page.labelled(opened, "transport", "polling", self.opened_polling);
        page.labelled(opened, "transport", "websocket", self.opened_websocket);
        page.count(
            "connections_upgraded_total",
            "Connections that have moved from long-polling to a WebSocket.",
            self.upgraded,
        );
        page.gauge("sockets", "Sockets that are in each namespace now.");
        for (namespace, sockets) in &self.sockets {
            page.labelled("sockets", "namespace", namespace, sockets);
        }
        page.value(
            "sockets_dynamic",
            "Sockets that are in namespaces of clients' making now.",
            self.sockets_dynamic,
        );
        for (name, help, packets, bytes) in [
            ("received", "that came", self.packets_in, self.bytes_in),
            ("sent", "that were sent", self.packets_out, self.bytes_out),
        ] {
            page.count(
                &format!("packets_{name}_total"),
                &format!("Socket.IO packets {help}."),
                packets,
            );
            page.count(
                &format!("packet_bytes_{name}_total"),
                &format!("Bytes of Socket.IO packets {help}."),
                bytes,
            );
        }
        page.count(
            "volatile_packets_dropped_total",
            "Volatile packets that were dropped to make room.",
            self.volatile_dropped,
        );
        page.value(
            "buffered_bytes",
            "Bytes that wait for all clients now.",
            self.buffered_bytes,
        );
        page.value(
            "buffered_bytes_max",
            "Bytes that wait for the client for which the most do.",
            self.buffered_bytes_max,
        );
        page.value(
            "pending_events",
            "Events that wait for their handlers now, or are being handled.",
            self.pending_events,
        );
        page.count(
            "slow_clients_total",
            "Connections that were closed because their clients read too slowly.",
            self.slow_clients,
        );
        page.counter("disconnects_total", "Sockets that were disconnected.");
        for (reason, count) in &self.disconnects {
            page.labelled("disconnects_total", "reason", reason, count);
        }
        page.counter(
            "handler_failures_total",
            "What went wrong in handlers and middlewares.",
        );
        let failures = self.handler_failures;
        for (kind, count) in [
            ("argument", failures.argument),
            ("rejected", failures.rejected),
            ("error", failures.error),
            ("panic", failures.panic),
        ] {
            page.labelled("handler_failures_total", "kind", kind, count);
        }
        page.counter(
            "requests_refused_total",
            "Requests that were refused, by Engine.IO's number.",
        );
        for (code, count) in self.refused_requests.iter().enumerate() {
            page.labelled("requests_refused_total", "code", code, count);
        }
        page.count(
            "joins_refused_total",
            "Clients that were not let into a namespace.",
            self.refused_joins,
        );
        page.counter(
            "recoveries_total",
            "Sockets that asked to recover, by whether they did.",
        );
        page.labelled("recoveries_total", "recovered", "true", self.recovered);
        page.labelled("recoveries_total", "recovered", "false", self.not_recovered);
        page.value(
            "recovery_sessions",
            "Sockets that are away now and may come back.",
            self.recovery_sessions,
        );
        page.value(
            "recovery_bytes",
            "Bytes of what is kept for clients that may come back.",
            self.recovery_bytes,
        );
        page.0
    }
}

struct Page(String);

impl Page {
    fn count(&mut self, name: &str, help: &str, value: u64) {
        self.counter(name, help);
        self.line(format_args!("songi_{name} {value}"));
    }

    fn value(&mut self, name: &str, help: &str, value: usize) {
        self.gauge(name, help);
        self.line(format_args!("songi_{name} {value}"));
    }

    fn counter(&mut self, name: &str, help: &str) {
        self.head(name, help, "counter");
    }

    fn gauge(&mut self, name: &str, help: &str) {
        self.head(name, help, "gauge");
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!("# HELP songi_{name} {help}"));
        self.line(format_args!("# TYPE songi_{name} {kind}"));
    }

    fn labelled(&mut self, name: &str, label: &str, of: impl Display, value: impl Display) {
        let of = of
            .to_string()
            .replace('\\', r"\\")
            .replace('"', "\\\"")
            .replace('\n', r"\n");
        self.line(format_args!("songi_{name}{{{label}=\"{of}\"}} {value}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A text takes all that is written to it.
        let _ = writeln!(self.0, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_in_the_format() {
        let metrics = Metrics {
            sockets: vec![("/".into(), 3), ("/a\"b\\c\n".into(), 1)],
            ..Metrics::default()
        };
        let page = metrics.to_prometheus();
        assert!(
            page.contains("\nsongi_sockets{namespace=\"/\"} 3\n"),
            "{page}"
        );
        let escaped = r#"songi_sockets{namespace="/a\"b\\c\n"} 1"#;
        assert!(page.lines().any(|line| line == escaped), "{page}");

        let mut known = String::new();
        for line in page.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                known = name.to_owned();
            } else if !line.starts_with("# HELP ") {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                assert_eq!(name, known);
                value.parse::<u64>().unwrap();
            }
        }
        assert!(page.ends_with('\n'));
    }
}
