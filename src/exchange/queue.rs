//! What happens to a message after a fault, and in which order messages are dealt with: pure, so that both can be told
//! in a table.

use crate::store::{Class, Message, QueueChange, QueueFault};
use std::collections::HashMap;

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
/// The first wait.
pub const BACK_OFF_FIRST: i64 = SECOND;
/// The longest wait.
pub const BACK_OFF_MAX: i64 = 300 * SECOND;
/// How often a message is tried again when somebody else was faster.
pub const CONFLICTS_MAX: u32 = 8;

/// How long to wait after so many tries in vain: twice as long each time, and up to a quarter more or less by `chance`,
/// so that those who failed together do not come again together.
pub fn back_off(attempts: u32, chance: u32) -> i64 {
    let doubled = BACK_OFF_FIRST.checked_shl(attempts.min(32)).unwrap_or(BACK_OFF_MAX);
    let whole = doubled.clamp(BACK_OFF_FIRST, BACK_OFF_MAX);
    let quarter = whole / 4;
    let jitter = i64::from(chance) * (2 * quarter) / i64::from(u32::MAX) - quarter;
    (whole + jitter).min(BACK_OFF_MAX)
}

/// What becomes of a message that a fault stopped.
pub fn after(message: &Message, fault: QueueFault, now: i64, chance: u32) -> QueueChange {
    let number = message.number;
    let is_tried_again = match fault.class {
        Class::Transport => true,
        Class::Conflict => message.attempts < CONFLICTS_MAX,
        Class::Format | Class::Refused => false,
    };
    if is_tried_again {
        QueueChange::Again {
            number,
            available: now.saturating_add(back_off(message.attempts, chance)),
            fault,
        }
    } else {
        QueueChange::Dead { number, fault }
    }
}

/// The messages of each lane, in the order of their numbers; lanes in the order of their first message.
pub fn lanes(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut places = HashMap::new();
    let mut lanes: Vec<Vec<Message>> = Vec::new();
    for message in messages {
        let place = *places.entry((message.tenant, message.lane)).or_insert(lanes.len());
        match lanes.get_mut(place) {
            Some(lane) => lane.push(message),
            None => lanes.push(vec![message]),
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Queue, State, Tenant};

    fn message(number: i64, lane: i64, attempts: u32) -> Message {
        Message {
            number,
            queue: Queue::In,
            tenant: Tenant(1),
            connection: "c".to_owned(),
            key: number.to_string(),
            lane,
            unit: None,
            received: 0,
            state: State::Ready,
            attempts,
            available: 0,
            fault: None,
            map: None,
            replays: 0,
            told: None,
            finished: None,
            length: 0,
            body: None,
        }
    }

    #[test]
    fn waits_double_from_a_second_to_five_minutes() {
        let check = |attempts: u32, least: i64, most: i64| {
            assert_eq!(back_off(attempts, 0), least, "{attempts}");
            assert_eq!(back_off(attempts, u32::MAX), most, "{attempts}");
        };
        check(0, SECOND * 3 / 4, SECOND * 5 / 4);
        check(1, SECOND * 3 / 2, SECOND * 5 / 2);
        check(4, SECOND * 12, SECOND * 20);
        check(9, SECOND * 225, BACK_OFF_MAX);
        check(63, SECOND * 225, BACK_OFF_MAX);
        check(u32::MAX, SECOND * 225, BACK_OFF_MAX);
    }

    #[test]
    fn the_class_of_a_fault_says_what_happens() {
        let check = |class: Class, attempts: u32, is_again: bool| {
            let fault = QueueFault { class, code: "X601".to_owned() };
            let change = after(&message(1, 1, attempts), fault, 0, 0);
            assert_eq!(matches!(change, QueueChange::Again { .. }), is_again, "{class:?} {attempts}");
        };
        check(Class::Transport, 0, true);
        check(Class::Transport, 10_000, true);
        check(Class::Conflict, CONFLICTS_MAX - 1, true);
        check(Class::Conflict, CONFLICTS_MAX, false);
        check(Class::Format, 0, false);
        check(Class::Refused, 0, false);
    }

    #[test]
    fn lanes_keep_their_order() {
        let all = [(1, 7), (2, 8), (3, 7), (4, 9), (5, 8)];
        let lanes = lanes(all.iter().map(|(number, lane)| message(*number, *lane, 0)).collect());
        let numbers: Vec<Vec<i64>> =
            lanes.iter().map(|lane| lane.iter().map(|message| message.number).collect()).collect();
        assert_eq!(numbers, [vec![1, 3], vec![2, 5], vec![4]]);
    }
}
