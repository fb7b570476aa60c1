//! Which commits share a sync. A sync costs much the same for one commit as for a hundred, so that the writer waits a
//! little where it knows that more are about to come: those whom it just answered tend to come again.

use super::write::Task;
use crate::store::{COMMIT_WRITES_MAX, GROUP_COMMITS_MAX, QUEUE_COMMITS_MAX, StoreError};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long it waits at most.
const PAUSE_MAX: Duration = Duration::from_millis(4);
/// Groups for which it does not wait once it waited in vain.
const REST_GROUPS: u32 = 16;

/// The commits that wait for the writer.
#[derive(Default)]
pub(super) struct Waiting {
    line: Mutex<Line>,
    is_filled: Condvar,
}

#[derive(Default)]
struct Line {
    tasks: VecDeque<Task>,
    /// How many the writer waits for; none while it writes. To wake it for each would cost more than the commit itself.
    wanted: Option<usize>,
    is_closed: bool,
}

impl Waiting {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one more behind the others.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] where too many wait, [`StoreError::Closed`] where nobody writes any more.
    pub(super) fn put(&self, task: Task) -> Result<(), StoreError> {
        let mut line = self.line();
        if line.is_closed {
            return Err(StoreError::Closed);
        }
        if line.tasks.len() >= QUEUE_COMMITS_MAX {
            return Err(StoreError::Busy);
        }
        line.tasks.push_back(task);
        if line.wanted.is_some_and(|wanted| line.tasks.len() >= wanted) {
            self.is_filled.notify_one();
        }
        Ok(())
    }

    /// Takes no more; those that wait are still written.
    pub(super) fn close(&self) {
        self.line().is_closed = true;
        self.is_filled.notify_one();
    }
}

/// The commits of one transaction of the engine, gathered.
pub(super) struct Gatherer {
    waiting: Arc<Waiting>,
    pace: Pace,
}

impl Drop for Gatherer {
    /// Whoever still waits is told that nobody writes any more.
    fn drop(&mut self) {
        self.waiting.close();
        self.waiting.line().tasks.clear();
    }
}

impl Gatherer {
    pub(super) fn new(waiting: Arc<Waiting>) -> Self {
        Self { waiting, pace: Pace::default() }
    }

    /// The next group; none once it is closed and empty.
    pub(super) fn next(&mut self) -> Option<Vec<Task>> {
        let mut line = self.waiting.line();
        line.wanted = Some(1);
        while line.tasks.is_empty() {
            if line.is_closed {
                return None;
            }
            line = self.waiting.is_filled.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some((wanted, pause)) = self.pace.wait(line.tasks.len()) {
            line.wanted = Some(wanted);
            let is_short = |line: &mut Line| line.tasks.len() < wanted && !line.is_closed;
            let waited = self.waiting.is_filled.wait_timeout_while(line, pause, is_short);
            line = waited.unwrap_or_else(PoisonError::into_inner).0;
            self.pace.waited(line.tasks.len() >= wanted);
        }
        line.wanted = None;
        let (mut group, mut writes) = (Vec::new(), 0);
        while group.len() < GROUP_COMMITS_MAX
            && writes < COMMIT_WRITES_MAX
            && let Some(task) = line.tasks.pop_front()
        {
            writes += task.commit.writes.len();
            group.push(task);
        }
        Some(group)
    }

    /// A group was written and answered.
    pub(super) fn wrote(&mut self, commits: usize, took: Duration) {
        let ahead = self.waiting.line().tasks.len();
        self.pace.wrote(commits, ahead, took);
    }
}

/// For how many commits it is worth while to wait.
#[derive(Debug, Default)]
struct Pace {
    /// Who was answered last or waits already: so many may be there soon.
    wanted: usize,
    pause: Duration,
    /// Groups for which it does not wait.
    rest: u32,
}

impl Pace {
    /// How many commits to wait for, and how long.
    fn wait(&mut self, there: usize) -> Option<(usize, Duration)> {
        if there >= self.wanted {
            return None;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return None;
        }
        Some((self.wanted, self.pause))
    }

    fn waited(&mut self, have_come: bool) {
        self.rest = if have_come { 0 } else { REST_GROUPS };
    }

    fn wrote(&mut self, commits: usize, ahead: usize, took: Duration) {
        self.wanted = (commits + ahead).min(GROUP_COMMITS_MAX);
        self.pause = (took / 2).min(PAUSE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_those_who_may_come_again() {
        let took = Duration::from_millis(2);
        let half = Duration::from_millis(1);
        let check = |commits: usize, ahead: usize, there: usize, expected: Option<(usize, Duration)>| {
            let mut pace = Pace::default();
            assert_eq!(pace.wait(1), None);
            pace.wrote(commits, ahead, took);
            assert_eq!(pace.wait(there), expected, "{commits} {ahead} {there}");
        };
        // One writer alone never waits; two that take turns are put together.
        check(1, 0, 1, None);
        check(1, 1, 1, Some((2, half)));
        check(8, 8, 9, Some((16, half)));
        check(8, 8, 16, None);
        check(GROUP_COMMITS_MAX, 9, 9, Some((GROUP_COMMITS_MAX, half)));
    }

    #[test]
    fn it_does_not_wait_in_vain_again_and_again() {
        let mut pace = Pace::default();
        pace.wrote(8, 8, Duration::from_mins(1));
        assert_eq!(pace.wait(8), Some((16, PAUSE_MAX)));
        pace.waited(false);
        let waits = (0..REST_GROUPS * 2).filter(|_| pace.wait(8).is_some()).count();
        assert_eq!(waits, REST_GROUPS as usize);
        pace.waited(true);
        assert!(pace.wait(8).is_some());
    }
}
