//! `sauma exchange canary`: a new map beside the one in force, over messages that came. Nothing is written.

use super::console::{Console, Stop, Verdict};
use super::exchange_maps::print_findings;
use super::logs::{Named, block_on, refused};
use super::mask::Mask;
use super::queue::Reading;
use crate::exchange::differ::{Difference, differences};
use crate::exchange::intake::{From, Taken};
use crate::exchange::lane;
use crate::exchange::maps::{self, Finding};
use crate::exchange::unit_folder;
use crate::mapping::Fate;
use crate::mapping::units::Unit;
use crate::store::{MESSAGES_MAX, Message, MessageQuery, Queue};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

/// Values that are shown of one message.
const SHOWN_MAX: usize = 50;

/// One message that the new map concerns.
#[derive(Serialize)]
struct Compared {
    number: i64,
    unit: &'static str,
    /// The versions of the two maps.
    before: Option<String>,
    after: String,
    differences: usize,
    /// The first of them.
    shown: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    path: String,
    before: Option<String>,
    after: Option<String>,
}

/// Compares, and tells by the verdict whether anything differs.
pub(super) fn run(named: &Named, dir: &Path, last: usize, console: &Console) -> Result<Verdict, Stop> {
    let folders =
        unit_folder::folders(dir).map_err(|unread| Stop::usage(unread.to_string(), "name its folder"))?;
    let mut new = Vec::new();
    for folder in &folders {
        match maps::beside(folder) {
            Ok(unit) => new.push(unit),
            Err(findings) => return refused_map(folder, &findings, console),
        }
    }
    let (mut compared, mut others) = (Vec::new(), 0);
    block_on(async {
        let reading = Reading::open(named).await?;
        for number in newest(&reading, last).await? {
            let message = reading.message(number).await.map_err(|error| refused(&error))?;
            match message.and_then(|message| compare(&message, &new, console.show_values)) {
                Some(one) => compared.push(one),
                None => others += 1,
            }
        }
        Ok(())
    })?;
    tell(&compared, others, console)
}

fn refused_map(folder: &Path, findings: &[Finding], console: &Console) -> Result<Verdict, Stop> {
    if console.is_json() {
        Console::print_json(&json!({ "refused": findings }))?;
    } else {
        Console::print(&format!("{} has faults\n", folder.display()))?;
        print_findings(findings)?;
    }
    Ok(Verdict::Findings)
}

/// The numbers of the newest messages that came, in their order.
async fn newest(reading: &Reading, last: usize) -> Result<VecDeque<i64>, Stop> {
    let mut query = MessageQuery { queue: Some(Queue::In), count: MESSAGES_MAX, ..MessageQuery::default() };
    let mut numbers = VecDeque::new();
    loop {
        let page = reading.messages(&query).await.map_err(|error| refused(&error))?;
        let Some(end) = page.last() else { return Ok(numbers) };
        query.after = end.number;
        numbers.extend(page.iter().map(|message| message.number));
        numbers.drain(..numbers.len().saturating_sub(last));
    }
}

/// What a map makes of a message.
type Made = Result<Taken, &'static str>;

/// Nothing of a message that is of none of the new maps.
fn compare(message: &Message, new: &[&'static Unit], shows_values: bool) -> Option<Compared> {
    let body = message.body.as_deref().unwrap_or_default();
    let before: Made = match From::named(message.unit.as_deref()) {
        Ok(from) => lane::taken_as(from, body).map_err(|code| code.id),
        Err(issue) => Err(issue.code.id),
    };
    let by_name = |name: &str| new.iter().copied().find(|unit| unit.name == name);
    let of = |unit: &'static Unit| lane::taken_as(From::Unit(unit), body).map_err(|code| code.id);
    let named =
        message.unit.as_deref().or_else(|| before.as_ref().ok().map(|taken| &*taken.contribution.unit));
    let (unit, after) = match named {
        Some(name) => by_name(name).map(|unit| (unit, of(unit)))?,
        // Nobody knows whose it is: whichever new map reads it, if any does.
        None => new.iter().find_map(|unit| of(unit).ok().map(|taken| (*unit, Ok(taken))))?,
    };
    let differences = all_differences(&before, &after, shows_values);
    let known = crate::mapping::units::all().find(|known| known.name == unit.name);
    Some(Compared {
        number: message.number,
        unit: unit.name,
        before: known.map(|known| known.version().to_owned()),
        after: unit.version().to_owned(),
        differences: differences.len(),
        shown: differences.into_iter().take(SHOWN_MAX).collect(),
    })
}

fn all_differences(before: &Made, after: &Made, shows_values: bool) -> Vec<Shown> {
    let masked = |text: String| if shows_values { text } else { Mask::Plain.apply(&text) };
    match (before, after) {
        (Err(_), Err(_)) if before.as_ref().err() == after.as_ref().err() => Vec::new(),
        (Ok(old), Ok(new)) => {
            let of_value = |Difference { path, before, after }| Shown {
                path,
                before: before.map(masked),
                after: after.map(masked),
            };
            let values = differences(&old.contribution.bundle, &new.contribution.bundle);
            values.into_iter().map(of_value).chain(accounts(old, new)).collect()
        }
        (old, new) => {
            let word = |made: &Made| Some(made.as_ref().err().map_or("read", |code| code).to_owned());
            vec![Shown { path: "document".to_owned(), before: word(old), after: word(new) }]
        }
    }
}

/// What differs in what became of the leaves of the document, and in what was found in it.
fn accounts(old: &Taken, new: &Taken) -> Vec<Shown> {
    let fates = [Fate::Carried, Fate::Kept, Fate::Ignored, Fate::Unexplained];
    let count = |taken: &Taken, fate: Fate| {
        let entries = taken.ledger.iter().flat_map(|ledger| &ledger.entries);
        entries.filter(|entry| entry.fate == fate).count().to_string()
    };
    let found = |taken: &Taken| {
        let codes: BTreeSet<&str> = taken.issues.iter().map(|issue| issue.code.id).collect();
        codes.into_iter().collect::<Vec<_>>().join(" ")
    };
    let names = ["ledger.carried", "ledger.kept", "ledger.ignored", "ledger.unexplained"];
    let rows = names.into_iter().zip(fates).map(|(name, fate)| (name, count(old, fate), count(new, fate)));
    let rows = rows.chain(std::iter::once(("findings", found(old), found(new))));
    rows.filter(|(_, was, is)| was != is)
        .map(|(path, was, is)| Shown { path: path.to_owned(), before: Some(was), after: Some(is) })
        .collect()
}

fn tell(compared: &[Compared], others: usize, console: &Console) -> Result<Verdict, Stop> {
    let different = compared.iter().filter(|one| one.differences > 0).count();
    let equal = compared.len() - different;
    if console.is_json() {
        let whole = json!({ "equal": equal, "different": different, "others": others, "messages": compared });
        Console::print_json(&whole)?;
        return Ok(Verdict::of(different > 0));
    }
    for one in compared {
        let word =
            if one.differences == 0 { "equal".to_owned() } else { format!("{} differ", one.differences) };
        Console::print(&format!("{}  {}  {word}\n", one.number, one.unit))?;
        let text = |side: &Option<String>| side.clone().unwrap_or_else(|| "(none)".to_owned());
        for Shown { path, before, after } in &one.shown {
            Console::print(&format!("    {path}: {} -> {}\n", text(before), text(after)))?;
        }
        if one.differences > one.shown.len() {
            Console::print(&format!("    and {} more\n", one.differences - one.shown.len()))?;
        }
    }
    Console::print(&format!("{equal} equal, {different} different, {others} of other unit systems\n"))?;
    Ok(Verdict::of(different > 0))
}
