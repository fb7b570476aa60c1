//! `sauma exchange reload` and `rollback`: orders about maps to the exchange that runs, and what became of them.

use super::console::{Console, Stop, Verdict};
use super::logs::{Named, refused};
use crate::diag::{Issue, Span, codes};
use crate::exchange::maps::{self, Change, Finding, MapOrder, Turned};
use crate::exchange::orders::{Handed, answered, hand_over};
use crate::exchange::unit_folder;
use crate::mapping::units;
use crate::store::{Sqlite, SqliteOptions, StoreError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long it waits for the exchange: maps are compiled, and each of their cases is tried.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long it waits between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Hands an order over and tells what became of the maps.
pub(super) fn order(source: &str, order: &MapOrder, console: &Console) -> Result<Verdict, Stop> {
    let Named::File(store) = Named::of(source)? else {
        return Err(Stop::usage(
            "orders about maps go to the exchange over a folder of data",
            "each node on a database looks at its own folders: put the files into them",
        ));
    };
    let data = store.parent().unwrap_or(Path::new("."));
    match Sqlite::open(&SqliteOptions::new(&store)) {
        Err(StoreError::Held) => {}
        Ok(_) => return Err(Stop::usage("no exchange runs here", "maps are read when it starts")),
        Err(error) => return Err(refused(&error)),
    }
    let unwritable = |source| Stop::Unwritable { path: data.to_owned(), source };
    let order = hand_over(data, &Handed::Maps(order.clone())).map_err(unwritable)?;
    let turned = wait(&order)?;
    tell(&turned, console)?;
    Ok(Verdict::of(turned.iter().any(|one| one.change == Change::Refused)))
}

fn wait(order: &PathBuf) -> Result<Vec<Turned>, Stop> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let found = answered(order).map_err(|source| Stop::Unreadable { path: order.clone(), source })?;
        if let Some(turned) = found {
            return Ok(turned);
        }
        std::thread::sleep(PAUSE);
    }
    // An order that nobody waits for is not carried out later.
    drop(std::fs::remove_file(order));
    let message = "whoever has the store open does not answer; is it `sauma exchange run`?";
    Err(Stop::Issue(Box::new(Issue::error(codes::MAP_REFUSED, Span::default(), message))))
}

fn tell(turned: &[Turned], console: &Console) -> Result<(), Stop> {
    if console.is_json() {
        return Console::print_json(&turned);
    }
    for Turned { unit, change, version, findings } in turned {
        let version = version.as_deref().unwrap_or("none");
        Console::print(&format!("{unit}  {}  in force: {version}\n", change.as_str()))?;
        print_findings(findings)?;
    }
    if turned.is_empty() {
        Console::print("no `unit_dirs` in the settings of the exchange\n")?;
    }
    Ok(())
}

/// What is wrong with the cases of the unit systems of folders, which are in force.
pub(super) fn cases(folders: &[PathBuf]) -> Vec<Finding> {
    let folders = folders.iter().filter_map(|folder| unit_folder::folders(folder).ok()).flatten();
    let named = folders.filter_map(|folder| {
        let name = unit_folder::name(&folder);
        units::all().find(|unit| unit.name == name).map(|unit| (unit, folder))
    });
    named.flat_map(|(unit, folder)| maps::cases(unit, &folder)).collect()
}

/// One line for each thing that is wrong with a map.
pub(super) fn print_findings(findings: &[Finding]) -> Result<(), Stop> {
    for Finding { code, place, message } in findings {
        let gap = if place.is_empty() { "" } else { ": " };
        Console::print(&format!("    {code} {place}{gap}{message}\n"))?;
    }
    Ok(())
}
