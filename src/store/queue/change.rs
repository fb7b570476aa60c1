//! What a change of the queues says to an engine: what must be there, and what is written.

use super::{Class, Fault, NewMessage, Queue, QueueChange, Said, State, TOLD_BYTES_MAX};
use crate::store::Tenant;
use crate::store::queue::say::Cell;

/// Messages that one [`QueueChange::Clear`] removes at most, so that it holds up nobody for long.
const CLEARED_MAX: i64 = 1_000;

/// A ready message of which no earlier one of its lane is open.
const FIRST_OF_LANE: &str = "SELECT 1 FROM message m WHERE m.number = $1 AND m.tenant = $2 AND m.state = 0 \
    AND NOT EXISTS (SELECT 1 FROM message e WHERE e.state < 2 AND e.queue = m.queue AND e.tenant = m.tenant \
    AND e.lane = m.lane AND e.number < m.number)";
const READY: &str = "SELECT 1 FROM message WHERE number = $1 AND tenant = $2 AND state = 0";
const STUCK: &str = "SELECT 1 FROM message WHERE number = $1 AND tenant = $2 AND state < 3";
const ENDED: &str = "SELECT 1 FROM message WHERE number = $1 AND tenant = $2 AND state = 3";
/// One row, unless somebody else has the lease.
const FREE: &str =
    "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM lease WHERE name = $1 AND owner <> $2 AND until > $3)";
const KEY: &str = "SELECT number FROM message WHERE queue = $1 AND connection = $2 AND key = $3";

const PUT: &str = "INSERT INTO message (queue, connection, key, tenant, lane, unit, received, state, attempts, \
    available, held, class, code, replays, length, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, $9, $10, 0, $11, $12) RETURNING number";
const DONE: &str = "UPDATE message SET state = 3, held = 0, finished = $1, map = $2, told = $3, class = NULL, \
    code = NULL WHERE number = $4";
const AGAIN: &str = "UPDATE message SET attempts = attempts + 1, held = 1, available = $1, class = $2, code = $3 \
    WHERE number = $4";
const DEAD: &str = "UPDATE message SET attempts = attempts + 1, state = $1, held = $2, class = $3, code = $4 \
    WHERE number = $5";
const RETRY: &str = "UPDATE message SET state = 0, held = 0, attempts = 0, available = 0 WHERE number = $1";
const DROP: &str = "UPDATE message SET state = 4, held = 0, finished = $1 WHERE number = $2";
const REPLAY: &str = "UPDATE message SET state = 0, held = 0, attempts = 0, available = 0, finished = NULL, \
    replays = replays + 1 WHERE number = $1";
const CLEAR: &str = "DELETE FROM message WHERE number IN \
    (SELECT number FROM message WHERE state >= 3 AND finished < $1 ORDER BY finished LIMIT $2)";
const ANSWERED: &str = "INSERT INTO source (connection, tenant, unit, answered, cursor) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (connection) DO UPDATE SET tenant = excluded.tenant, unit = excluded.unit, \
    answered = excluded.answered, cursor = COALESCE(excluded.cursor, source.cursor), failed = NULL, code = NULL";
const FAILED: &str = "INSERT INTO source (connection, tenant, unit, failed, code) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (connection) DO UPDATE SET tenant = excluded.tenant, unit = excluded.unit, \
    failed = COALESCE(source.failed, excluded.failed), code = COALESCE(source.code, excluded.code)";
const LEASE: &str = "INSERT INTO lease (name, owner, until) VALUES ($1, $2, $3) \
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until";

/// What must give a row before anything is written; none where nothing is asked.
pub(in crate::store) fn check(change: &QueueChange, tenant: Tenant) -> Option<Said> {
    let (text, number) = match change {
        QueueChange::Done { number, .. } => (FIRST_OF_LANE, number),
        QueueChange::Again { number, .. } | QueueChange::Dead { number, .. } => (READY, number),
        QueueChange::Retry { number } | QueueChange::Drop { number, .. } => (STUCK, number),
        QueueChange::Replay { number } => (ENDED, number),
        QueueChange::Lease { name, owner, now, .. } => {
            return Some(Said::new(FREE, vec![name.as_str().into(), owner.as_str().into(), (*now).into()]));
        }
        QueueChange::Put(_)
        | QueueChange::Clear { .. }
        | QueueChange::Answered { .. }
        | QueueChange::Failed { .. } => return None,
    };
    Some(Said::new(text, vec![(*number).into(), i64::from(tenant.0).into()]))
}

/// What gives the number of a message that is there under the key of a new one.
pub(in crate::store) fn key_of(new: &NewMessage) -> Said {
    let queue = queue_number(new.queue);
    Said::new(KEY, vec![queue.into(), new.connection.as_str().into(), new.key.as_str().into()])
}

/// What is written; of a message that is put it gives the number.
pub(in crate::store) fn write(change: &QueueChange, tenant: Tenant) -> Said {
    let tenant = i64::from(tenant.0);
    match change {
        QueueChange::Put(new) => put(new, tenant),
        QueueChange::Done { number, at, map, told } => {
            let told = told.as_deref().map(short);
            Said::new(DONE, vec![(*at).into(), map.as_deref().into(), told.into(), (*number).into()])
        }
        QueueChange::Again { number, available, fault } => {
            let (class, code) = cells(Some(fault));
            Said::new(AGAIN, vec![(*available).into(), class, code, (*number).into()])
        }
        QueueChange::Dead { number, fault } => {
            let state = if fault.class == Class::Format { State::Aside } else { State::Dead };
            let held = i64::from(state == State::Dead);
            let (class, code) = cells(Some(fault));
            Said::new(DEAD, vec![state_number(state).into(), held.into(), class, code, (*number).into()])
        }
        QueueChange::Retry { number } => Said::new(RETRY, vec![(*number).into()]),
        QueueChange::Drop { number, at } => Said::new(DROP, vec![(*at).into(), (*number).into()]),
        QueueChange::Replay { number } => Said::new(REPLAY, vec![(*number).into()]),
        QueueChange::Clear { before } => Said::new(CLEAR, vec![(*before).into(), CLEARED_MAX.into()]),
        QueueChange::Answered { connection, unit, at, cursor } => {
            let values = vec![
                connection.as_str().into(),
                tenant.into(),
                unit.as_str().into(),
                (*at).into(),
                cursor.as_deref().into(),
            ];
            Said::new(ANSWERED, values)
        }
        QueueChange::Failed { connection, unit, at, code } => {
            let values = vec![
                connection.as_str().into(),
                tenant.into(),
                unit.as_str().into(),
                (*at).into(),
                code.as_str().into(),
            ];
            Said::new(FAILED, values)
        }
        QueueChange::Lease { name, owner, until, .. } => {
            Said::new(LEASE, vec![name.as_str().into(), owner.as_str().into(), (*until).into()])
        }
    }
}

fn put(new: &NewMessage, tenant: i64) -> Said {
    let state = if new.fault.is_some() { State::Aside } else { State::Ready };
    let (class, code) = cells(new.fault.as_ref());
    let length = i64::try_from(new.body.len()).unwrap_or(i64::MAX);
    let values = vec![
        queue_number(new.queue).into(),
        new.connection.as_str().into(),
        new.key.as_str().into(),
        tenant.into(),
        new.lane.into(),
        new.unit.as_deref().into(),
        new.received.into(),
        state_number(state).into(),
        class,
        code,
        length.into(),
        (&new.body).into(),
    ];
    Said::new(PUT, values)
}

fn cells(fault: Option<&Fault>) -> (Cell, Cell) {
    fault.map_or((Cell::Null, Cell::Null), |fault| {
        (class_number(fault.class).into(), fault.code.as_str().into())
    })
}

/// The start of a text, as much as is kept.
fn short(text: &str) -> &str {
    let end = text.floor_char_boundary(TOLD_BYTES_MAX);
    text.get(..end).unwrap_or_default()
}

/// The number of a queue, as it is stored.
pub(super) const fn queue_number(queue: Queue) -> i64 {
    match queue {
        Queue::In => 0,
        Queue::Out => 1,
    }
}

/// The number of a state, as it is stored: those below 2 are open, those above 2 have come to their end.
pub(super) const fn state_number(state: State) -> i64 {
    match state {
        State::Ready => 0,
        State::Dead => 1,
        State::Aside => 2,
        State::Done => 3,
        State::Dropped => 4,
    }
}

/// The number of a class, as it is stored.
pub(super) const fn class_number(class: Class) -> i64 {
    match class {
        Class::Transport => 0,
        Class::Format => 1,
        Class::Refused => 2,
        Class::Conflict => 3,
    }
}
