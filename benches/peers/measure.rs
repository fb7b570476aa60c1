//! CPU time of one thread, in rounds that alternate.

use cpu_time::ThreadTime;
use std::time::Duration;

/// Rounds of every row; the median counts.
const ROUNDS: usize = 9;
/// CPU time of one row in one round.
const ROUND: Duration = Duration::from_millis(60);

/// One thing that is measured.
pub(crate) type Run = Box<dyn Fn()>;

/// Seconds of one run of each.
pub(crate) fn seconds(runs: &[Run]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(ROUNDS); runs.len()];
    for _ in 0..ROUNDS {
        for (run, times) in runs.iter().zip(&mut times) {
            times.push(round(run));
        }
    }
    times.into_iter().map(median).collect()
}

fn round(run: &Run) -> f64 {
    let start = ThreadTime::now();
    let mut runs = 0_u32;
    while start.elapsed() < ROUND {
        run();
        runs += 1;
    }
    start.elapsed().as_secs_f64() / f64::from(runs)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
