//! The command line: one file per subcommand. Files are read and written here and in `exchange`, nowhere else.
//!
//! Results go to standard output, findings and progress to standard error. Values of the documents are shown
//! only with `--show-values`: source lines of a unit's document are printed with their values masked.

#[cfg(feature = "server")]
mod audit;
#[cfg(feature = "server")]
mod backup;
mod baseline;
mod bulk;
mod checks;
mod client_decisions;
mod client_source;
mod codes;
mod completions;
#[cfg(feature = "server")]
mod conformance;
mod console;
mod coverage;
mod decide;
mod demo;
mod diff;
#[cfg(feature = "server")]
mod doctor;
mod documents;
#[cfg(feature = "server")]
mod evidence;
mod explain;
mod explain_code;
mod files;
mod input;
mod join;
mod join_all;
mod lens;
mod lens_doc;
mod lens_export;
mod lens_mutate;
mod lens_test;
#[cfg(feature = "server")]
mod logs;
mod lsp;
mod map;
mod map_check;
mod map_convert;
mod map_format;
mod map_log;
mod map_run;
mod map_run_trace;
mod mask;
mod matching;
mod outgoing;
mod package;
mod package_guide;
mod packages;
mod page;
mod path;
mod plans;
mod plan_diff;
mod policy;
mod progress;
mod put;
#[cfg(feature = "server")]
mod registry;
#[cfg(feature = "server")]
mod registry_simulate;
mod report;
#[cfg(feature = "server")]
mod exchange;
#[cfg(feature = "server")]
mod canary;
#[cfg(feature = "server")]
mod exchange_maps;
#[cfg(feature = "server")]
mod queue;
#[cfg(feature = "server")]
mod queue_show;
#[cfg(feature = "server")]
mod serve;
mod sink;
mod translate;
mod validate;
mod validate_reports;
mod write_back;
mod view;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use console::{Console, Format, Global, Stop, Verdict, exit};
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;

/// Said at the end of every help text.
const EXIT_CODES: &str = "\
Exit codes:
  0  clean: nothing, or warnings only; of `validate`: something was tested, and nothing failed
  1  findings of error severity (or of --fail-on): the data are wrong, a change was refused
  2  wrong usage or configuration: options, a file that is not there, definitions that cannot be used
  3  could not be done: the system refuses to read or to write
  4  nothing was tested: `validate` found no document, `coverage` no requirement, `conformance` no test that could be run
  5  a fault of Sauma itself

Personal data:
  Values of the documents are not shown. Source lines appear with their letters and digits masked;
  --show-values shows them as they are.";

const ABOUT: &str =
    "Joins the care plans of many units into one plan that every sector sees, and carries changes back.";

#[derive(Debug, Parser)]
#[command(name = "sauma", version, about = ABOUT, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Translate documents to FHIR or to another unit system.
    Translate(translate::Args),
    /// Join the plans of one client's units into one plan.
    Join(join::Args),
    /// Join the plans of many clients, each client's into one plan.
    JoinAll(join_all::Args),
    /// Tell what has changed between two joined plans, or in one between two days.
    Diff(plan_diff::Args),
    /// Record what a person decides about the plans of one client.
    Decide(decide::Args),
    /// Find records that may be one person, with a score and a grade.
    Match(matching::Args),
    /// See the joined plan as one requester may see it.
    View(view::Args),
    /// Check and explain the rules of who may see what.
    Policy(policy::Args),
    /// Write the plan as a page to read, in plain Finnish, Swedish or English.
    Page(page::Args),
    /// Carry changed resources back into a unit's own document.
    Put(put::Args),
    /// Carry an edit of the joined plan back into the units' own documents.
    WriteBack(write_back::Args),
    /// Tell where each field of a document goes, or what a code or a rule of a finding means.
    Explain(explain::Args),
    /// List, check, test and describe lenses.
    Lens(lens::Args),
    /// Check, lay out and convert maps of the FHIR Mapping Language.
    Map(map::Args),
    /// Evaluate a FHIRPath expression on documents.
    Path(path::Args),
    /// Help an editor with lenses, maps and FHIRPath: a language server.
    Lsp(lsp::Args),
    /// Check documents against FHIR R4 and profiles.
    Validate(validate::Args),
    /// Keep a list of known findings, each with its reason and its last day.
    Baseline(baseline::Args),
    /// Test a server with TestScripts.
    #[cfg(feature = "server")]
    Conformance(conformance::Args),
    /// Tell which requirements of a folder of definitions its examples test.
    Coverage(coverage::Args),
    /// Serve FHIR R4 over HTTP.
    #[cfg(feature = "server")]
    Serve(serve::Args),
    /// Take units' messages in, apply them, send documents out.
    #[cfg(feature = "server")]
    Exchange(exchange::Args),
    /// Show messages on their way in and out, and decide about those that cannot be dealt with.
    #[cfg(feature = "server")]
    Queue(queue::Args),
    /// Check, list and export the log of who saw and changed what.
    #[cfg(feature = "server")]
    Audit(audit::Args),
    /// Copy a store with its logs, while the server runs.
    #[cfg(feature = "server")]
    Backup(backup::BackupArgs),
    /// Bring a backup back into an empty store, and check it.
    #[cfg(feature = "server")]
    Restore(backup::RestoreArgs),
    /// Tell what is unsafe in the settings of a server.
    #[cfg(feature = "server")]
    Doctor(doctor::Args),
    /// Ask and tell registries, and simulate one.
    #[cfg(feature = "server")]
    Registry(registry::Args),
    /// Import code lists, and report codes that they do not have.
    Codes(codes::Args),
    /// Compile and inspect packages of definitions.
    Package(package::Args),
    /// Write example documents of one invented client and join them.
    Demo(demo::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
}

impl Command {
    /// True where the forms of reports of a run of checks are understood.
    fn judges(&self) -> bool {
        #[cfg(feature = "server")]
        if matches!(self, Self::Conformance(_) | Self::Registry(_)) {
            return true;
        }
        matches!(self, Self::Validate(_) | Self::Baseline(_))
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let command = Cli::command().color(console::early_choice(std::env::args_os()));
    let cli = match command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that went away is no fault of the usage; clap's own code is 2 for faults, 0 for help.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let console = Console::new(&cli.global);
    std::panic::set_hook(Box::new(own_fault));
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
        files::add_units(&cli.global.unit_dir)?;
        run(&cli.command, &console)
    }));
    ExitCode::from(match ended {
        Ok(Ok(verdict)) => verdict.exit_code(),
        Ok(Err(stop)) => {
            if !matches!(stop, Stop::Pipe) {
                console.stop(&stop);
            }
            stop.exit_code()
        }
        Err(_) => exit::OWN_FAULT,
    })
}

/// Says that Sauma itself has a fault, and where. The message of a panic may hold a value of a document, so it is not
/// shown.
fn own_fault(panic: &PanicHookInfo<'_>) {
    let place =
        panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
    Console::note(&format!(
        "error: this is a fault of Sauma{place}\n  = please report it, without the document\n"
    ));
}

fn run(command: &Command, console: &Console) -> Result<Verdict, Stop> {
    if console.format.is_of_validation() && !command.judges() {
        return Err(Stop::usage("only `validate` writes this --format", "choose human or json"));
    }
    if console.format == Format::Html && !matches!(command, Command::Page(_)) {
        return Err(Stop::usage("only `page` writes HTML by --format", "choose human or json"));
    }
    match command {
        Command::Translate(args) => translate::run(args, console),
        Command::Join(args) => join::run(args, console),
        Command::JoinAll(args) => join_all::run(args, console),
        Command::Diff(args) => plan_diff::run(args, console),
        Command::Decide(args) => decide::run(args, console),
        Command::Match(args) => matching::run(args, console),
        Command::View(args) => view::run(args, console),
        Command::Policy(args) => policy::run(args, console),
        Command::Page(args) => page::run(args, console),
        Command::Put(args) => put::run(args, console),
        Command::WriteBack(args) => write_back::run(args, console),
        Command::Explain(args) => explain::run(args, console),
        Command::Lens(args) => lens::run(args, console),
        Command::Map(args) => map::run(args, console),
        Command::Path(args) => path::run(args, console),
        Command::Lsp(args) => lsp::run(args),
        Command::Validate(args) => validate::run(args, console),
        Command::Baseline(args) => baseline::run(args, console),
        #[cfg(feature = "server")]
        Command::Conformance(args) => conformance::run(args, console),
        Command::Coverage(args) => coverage::run(args, console),
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(args),
        #[cfg(feature = "server")]
        Command::Exchange(args) => exchange::run(args, console),
        #[cfg(feature = "server")]
        Command::Queue(args) => queue::run(args, console),
        #[cfg(feature = "server")]
        Command::Audit(args) => audit::run(args, console),
        #[cfg(feature = "server")]
        Command::Backup(args) => backup::backup(args),
        #[cfg(feature = "server")]
        Command::Restore(args) => backup::restore(args),
        #[cfg(feature = "server")]
        Command::Doctor(args) => doctor::run(args, console),
        #[cfg(feature = "server")]
        Command::Registry(args) => registry::run(args, console),
        Command::Codes(args) => codes::run(args, console),
        Command::Package(args) => package::run(args, console),
        Command::Demo(args) => demo::run(args, console),
        Command::Completions(args) => completions::run(args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
