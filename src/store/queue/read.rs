//! Reading queues, as statements for both engines.

use super::change::{class_number, queue_number, state_number};
use super::{
    BODY_AT_ONCE_BYTES_MAX, Cell, Class, Depth, Fault, Lease, MESSAGES_MAX, Message, MessageQuery, Queue,
    Said, Source, State,
};
use crate::store::find::Engine;
use crate::store::{StoreError, Tenant};
use std::sync::Arc;

/// The columns of a [`Message`] but its body.
const COLUMNS: &str = "m.number, m.queue, m.tenant, m.connection, m.key, m.lane, m.unit, m.received, m.state, \
    m.attempts, m.available, m.class, m.code, m.map, m.replays, m.told, m.finished, m.length";

/// See [`Queues::ready`](super::Queues::ready).
///
/// # Errors
///
/// See [`StoreError`].
pub(in crate::store) async fn ready<E: Engine + ?Sized>(
    engine: &E,
    queue: Queue,
    now: i64,
    count: usize,
) -> Result<Vec<Message>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS}, CASE WHEN m.length <= {BODY_AT_ONCE_BYTES_MAX} THEN m.body END FROM message m \
         WHERE m.state = 0 AND m.queue = $1 AND m.available <= $2 AND NOT EXISTS \
         (SELECT 1 FROM message h WHERE h.held = 1 AND h.queue = m.queue AND h.tenant = m.tenant \
         AND h.lane = m.lane AND h.number < m.number AND (h.state = 1 OR h.available > $2)) \
         ORDER BY m.number LIMIT $3"
    );
    let values = vec![queue_number(queue).into(), now.into(), limit(count).into()];
    read(engine, &Said::new(text, values)).await
}

/// See [`Queues::messages`](super::Queues::messages).
///
/// # Errors
///
/// See [`StoreError`].
pub(in crate::store) async fn messages<E: Engine + ?Sized>(
    engine: &E,
    query: &MessageQuery,
) -> Result<Vec<Message>, StoreError> {
    let mut said = Said::new("", Vec::new());
    let mut clauses = vec![format!("m.number > {}", said.value(query.after))];
    if let Some(queue) = query.queue {
        clauses.push(format!("m.queue = {}", said.value(queue_number(queue))));
    }
    if let Some(connection) = query.connection.as_deref() {
        clauses.push(format!("m.connection = {}", said.value(connection)));
    }
    if let Some((tenant, lane)) = query.lane {
        clauses.push(format!("m.tenant = {}", said.value(i64::from(tenant.0))));
        clauses.push(format!("m.lane = {}", said.value(lane)));
    }
    if let Some(since) = query.since {
        clauses.push(format!("m.received >= {}", said.value(since)));
    }
    if !query.states.is_empty() {
        let states = query.states.iter().map(|state| state_number(*state).to_string());
        clauses.push(format!("m.state IN ({})", states.collect::<Vec<String>>().join(", ")));
    }
    let count = said.value(limit(query.count));
    said.text = format!(
        "SELECT {COLUMNS}, NULL FROM message m WHERE {} ORDER BY m.number LIMIT {count}",
        clauses.join(" AND ")
    );
    // PostgreSQL takes a bare NULL for a text, which is none of ours either.
    read(engine, &said).await
}

/// See [`Queues::message`](super::Queues::message).
///
/// # Errors
///
/// See [`StoreError`].
pub(in crate::store) async fn message<E: Engine + ?Sized>(
    engine: &E,
    number: i64,
) -> Result<Option<Message>, StoreError> {
    let text = format!("SELECT {COLUMNS}, m.body FROM message m WHERE m.number = $1");
    let found = read(engine, &Said::new(text, vec![number.into()])).await?;
    Ok(found.into_iter().next())
}

/// See [`Queues::depths`](super::Queues::depths).
///
/// # Errors
///
/// See [`StoreError`].
pub(in crate::store) async fn depths<E: Engine + ?Sized>(engine: &E) -> Result<Vec<Depth>, StoreError> {
    let text = "SELECT queue, connection, state, COUNT(*), MIN(received) FROM message WHERE state < 3 \
                GROUP BY queue, connection, state ORDER BY queue, connection, state";
    let rows = engine.cells(&Said::new(text, Vec::new())).await?;
    let depth = |mut row: Row| {
        Some(Depth {
            queue: queue_of(row.number()?)?,
            connection: row.text()?,
            state: state_of(row.number()?)?,
            count: u64::try_from(row.number()?).ok()?,
            oldest: row.number()?,
        })
    };
    all(rows, depth)
}

/// See [`Queues::sources`](super::Queues::sources).
///
/// # Errors
///
/// See [`StoreError`].
pub(in crate::store) async fn sources<E: Engine + ?Sized>(engine: &E) -> Result<Vec<Source>, StoreError> {
    let text =
        "SELECT connection, tenant, unit, answered, failed, code, cursor FROM source ORDER BY connection";
    let rows = engine.cells(&Said::new(text, Vec::new())).await?;
    let source = |mut row: Row| {
        Some(Source {
            connection: row.text()?,
            tenant: row.tenant()?,
            unit: row.text()?,
            answered: row.number(),
            failed: row.number(),
            code: row.text(),
            cursor: row.text(),
        })
    };
    all(rows, source)
}

/// See [`Queues::leases`](super::Queues::leases).
///
/// # Errors
///
/// See [`StoreError`].
pub(in crate::store) async fn leases<E: Engine + ?Sized>(engine: &E) -> Result<Vec<Lease>, StoreError> {
    let said = Said::new("SELECT name, owner, until FROM lease ORDER BY name", Vec::new());
    let lease = |mut row: Row| Some(Lease { name: row.text()?, owner: row.text()?, until: row.number()? });
    all(engine.cells(&said).await?, lease)
}

async fn read<E: Engine + ?Sized>(engine: &E, said: &Said) -> Result<Vec<Message>, StoreError> {
    all(engine.cells(said).await?, message_of)
}

fn all<T>(rows: Vec<Vec<Cell>>, of: impl Fn(Row) -> Option<T>) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(|row| of(Row(row.into_iter())).ok_or(StoreError::Damaged)).collect()
}

fn limit(count: usize) -> i64 {
    i64::try_from(count.min(MESSAGES_MAX)).unwrap_or(i64::MAX)
}

fn message_of(mut row: Row) -> Option<Message> {
    Some(Message {
        number: row.number()?,
        queue: queue_of(row.number()?)?,
        tenant: row.tenant()?,
        connection: row.text()?,
        key: row.text()?,
        lane: row.number()?,
        unit: row.text(),
        received: row.number()?,
        state: state_of(row.number()?)?,
        attempts: row.count()?,
        available: row.number()?,
        fault: row.fault(),
        map: row.text(),
        replays: row.count()?,
        told: row.text(),
        finished: row.number(),
        length: u64::try_from(row.number()?).ok()?,
        body: row.bytes(),
    })
}

/// The cells of a row, taken one after the other; what is not of the kind asked for is none.
struct Row(std::vec::IntoIter<Cell>);

impl Row {
    fn number(&mut self) -> Option<i64> {
        match self.0.next() {
            Some(Cell::Number(number)) => Some(number),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<Arc<[u8]>> {
        match self.0.next() {
            Some(Cell::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn count(&mut self) -> Option<u32> {
        self.number().and_then(|number| u32::try_from(number).ok())
    }

    fn tenant(&mut self) -> Option<Tenant> {
        self.count().map(Tenant)
    }

    fn fault(&mut self) -> Option<Fault> {
        let (class, code) = (self.number(), self.text());
        let class = Class::ALL.into_iter().find(|known| Some(class_number(*known)) == class)?;
        Some(Fault { class, code: code? })
    }
}

fn queue_of(number: i64) -> Option<Queue> {
    Queue::ALL.into_iter().find(|queue| queue_number(*queue) == number)
}

fn state_of(number: i64) -> Option<State> {
    State::ALL.into_iter().find(|state| state_number(*state) == number)
}
