//! Which commits share a sync. A sync costs much the same for one commit as for a hundred, so that the writer waits a
//! little where it knows that more are about to come: those whom it just answered tend to come again.

use super::write::Task;
use crate::store::{COMMIT_WRITES_MAX, GROUP_COMMITS_MAX};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// How long it waits at most.
const PAUSE_MAX: Duration = Duration::from_millis(4);
/// Groups for which it does not wait once it waited in vain.
const REST_GROUPS: u32 = 16;

/// The commits of one transaction of the engine, gathered.
#[derive(Default)]
pub(super) struct Gatherer {
    /// What came while the group before was written.
    ahead: Vec<Task>,
    pace: Pace,
}

impl Gatherer {
    /// The next group; none once nobody can send any more.
    pub(super) fn next(&mut self, tasks: &Receiver<Task>) -> Option<Vec<Task>> {
        let mut group = std::mem::take(&mut self.ahead);
        if group.is_empty() {
            group.push(tasks.recv().ok()?);
        }
        fill(&mut group, || tasks.try_recv().ok());
        if let Some((wanted, pause)) = self.pace.wait(group.len()) {
            let end = Instant::now() + pause;
            let left = || end.saturating_duration_since(Instant::now());
            while group.len() < wanted
                && has_room(&group)
                && let Ok(task) = tasks.recv_timeout(left())
            {
                group.push(task);
            }
            self.pace.waited(group.len() >= wanted);
        }
        Some(group)
    }

    /// A group was written and answered.
    pub(super) fn wrote(&mut self, commits: usize, took: Duration, tasks: &Receiver<Task>) {
        fill(&mut self.ahead, || tasks.try_recv().ok());
        self.pace.wrote(commits, self.ahead.len(), took);
    }
}

fn fill(group: &mut Vec<Task>, mut next: impl FnMut() -> Option<Task>) {
    while has_room(group)
        && let Some(task) = next()
    {
        group.push(task);
    }
}

fn has_room(group: &[Task]) -> bool {
    let writes: usize = group.iter().map(|task| task.commit.writes.len()).sum();
    group.len() < GROUP_COMMITS_MAX && writes < COMMIT_WRITES_MAX
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
