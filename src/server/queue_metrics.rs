//! The queues for those who run the server, in the text form of Prometheus: how many messages are in which state, how
//! old the oldest is, and which units do not answer. Connections are the only labels that come from settings.

use super::Server;
use crate::exchange::worker::now;
use crate::store::{Depth, Source, Store};

const SECOND: i64 = 1_000_000;

impl<S: Store> Server<S> {
    /// What the store knows of its queues; nothing where it does not answer, which other figures show.
    pub(super) async fn queue_metrics(&self) -> String {
        let (Ok(depths), Ok(sources)) = (self.store.depths().await, self.store.sources().await) else {
            return String::new();
        };
        text(&depths, &sources, now())
    }
}

fn text(depths: &[Depth], sources: &[Source], now: i64) -> String {
    let mut out = String::new();
    let labels = |depth: &Depth| {
        let (queue, state) = (depth.queue.as_str(), depth.state.as_str());
        format!("queue=\"{queue}\",connection=\"{}\",state=\"{state}\"", depth.connection)
    };
    out.push_str("# TYPE sauma_queue_messages gauge\n");
    for depth in depths {
        out.push_str(&format!("sauma_queue_messages{{{}}} {}\n", labels(depth), depth.count));
    }
    out.push_str("# TYPE sauma_queue_oldest_seconds gauge\n");
    for depth in depths {
        let age = (now - depth.oldest).max(0) / SECOND;
        out.push_str(&format!("sauma_queue_oldest_seconds{{{}}} {age}\n", labels(depth)));
    }
    out.push_str("# TYPE sauma_connection_failing gauge\n");
    for source in sources {
        let failing = u8::from(source.failed.is_some());
        out.push_str(&format!(
            "sauma_connection_failing{{connection=\"{}\"}} {failing}\n",
            source.connection
        ));
    }
    out.push_str("# TYPE sauma_connection_answered_seconds gauge\n");
    for source in sources {
        let Some(answered) = source.answered else { continue };
        let age = (now - answered).max(0) / SECOND;
        let connection = &source.connection;
        out.push_str(&format!("sauma_connection_answered_seconds{{connection=\"{connection}\"}} {age}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Queue, State, Tenant};

    #[test]
    fn queues_are_told_by_connection_and_state() {
        let depth = Depth {
            queue: Queue::In,
            connection: "files".to_owned(),
            state: State::Dead,
            count: 2,
            oldest: 5 * SECOND,
        };
        let source = Source {
            connection: "files".to_owned(),
            tenant: Tenant(1),
            unit: "home-care".to_owned(),
            answered: Some(SECOND),
            failed: Some(2 * SECOND),
            code: None,
            cursor: None,
        };
        let told = text(&[depth], &[source], 11 * SECOND);
        for line in [
            "sauma_queue_messages{queue=\"in\",connection=\"files\",state=\"dead\"} 2",
            "sauma_queue_oldest_seconds{queue=\"in\",connection=\"files\",state=\"dead\"} 6",
            "sauma_connection_failing{connection=\"files\"} 1",
            "sauma_connection_answered_seconds{connection=\"files\"} 10",
        ] {
            assert!(told.lines().any(|have| have == line), "{line} in\n{told}");
        }
    }
}
