//! A bar for whoever watches a long run.

use super::bulk::Inputs;
use super::console::Console;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar over many clients on standard error; without their number it tells how many are done.
pub(super) fn clients(count: Option<usize>, console: &Console) -> ProgressBar {
    if !console.shows_progress() {
        return ProgressBar::hidden();
    }
    let (bar, style) = match count {
        None => (ProgressBar::new_spinner(), "{spinner} {pos} clients, {per_sec}"),
        Some(count) => {
            (ProgressBar::new(count as u64), "{wide_bar} {pos}/{len} clients, {per_sec}, {eta} left")
        }
    };
    ProgressStyle::with_template(style).map_or(bar.clone(), |style| bar.with_style(style))
}

/// A bar over many documents on standard error; a hidden one where nobody watches.
pub(super) fn bar(inputs: &Inputs, console: &Console) -> ProgressBar {
    if !console.shows_progress() || !inputs.is_many {
        return ProgressBar::hidden();
    }
    if inputs.entries.iter().any(|entry| entry.is_lines) {
        // How many lines there are is known only at the end.
        let style = ProgressStyle::with_template("{spinner} {pos} documents, {per_sec}");
        let bar = ProgressBar::new_spinner();
        return style.map_or(bar.clone(), |style| bar.with_style(style));
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} documents, {eta} left");
    let bar = ProgressBar::new(inputs.entries.len() as u64);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}
