//! What all subcommands share: global options, colours, the two streams, and why a run stops.

use crate::diag::{Code, Issue, Language, Severity};
use anstyle::{AnsiColor, Style};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

/// Options that every subcommand takes.
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// How results and findings are written
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    /// Show values of the documents, which may be personal data
    #[arg(long, global = true)]
    pub(super) show_values: bool,
    #[arg(
        long,
        help = "Language of what people read: findings, codes, pages, the readable plan [default: by LC_ALL or LANG, otherwise en]; reports for programs say their messages in English unless this is given",
        global = true,
        value_enum
    )]
    pub(super) lang: Option<Language>,
    /// A folder of a unit system, or of several, beside those that are built in; each has a `unit.lens`
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) unit_dir: Vec<std::path::PathBuf>,
    /// Only errors: no warnings, no summary, no progress
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    #[arg(long, help = "Colours; `auto` obeys NO_COLOR and CLICOLOR_FORCE", global = true, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
}

/// How results and findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[value(alias = "text")]
    Human,
    /// For programs.
    Json,
    /// A page for a browser or for paper; of `page` alone.
    Html,
    /// One JSON object a line: each document as it is done, then a summary; of `validate` alone.
    Ndjson,
    /// A FHIR `OperationOutcome` for each document; of `validate` alone.
    Outcome,
    /// Annotations of GitHub Actions; of `validate` alone.
    Github,
    /// A Code Quality report of GitLab; of `validate` alone.
    Gitlab,
    /// JUnit XML; of `validate` and `conformance` alone.
    Junit,
    /// SARIF 2.1.0; of `validate` and `conformance` alone.
    Sarif,
}

impl Format {
    /// True for the forms that only a run of checks has.
    pub(super) const fn is_of_validation(self) -> bool {
        match self {
            Self::Human | Self::Json | Self::Html => false,
            Self::Ndjson | Self::Outcome | Self::Github | Self::Gitlab | Self::Junit | Self::Sarif => true,
        }
    }
}

impl clap::ValueEnum for Language {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let name = match self {
            Self::Fi => "Finnish",
            Self::Sv => "Swedish",
            Self::En => "English",
        };
        Some(clap::builder::PossibleValue::new(self.as_str()).help(name))
    }
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a run ended that could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing of error severity.
    Clean,
    /// Something of error severity.
    Findings,
    /// A document could not be tested, because it could not be read.
    Unreadable,
    /// There was nothing to check.
    Untested,
}

impl Verdict {
    /// Findings where any of the data failed.
    pub(super) const fn of(failed: bool) -> Self {
        if failed { Self::Findings } else { Self::Clean }
    }
}

/// The exit codes, which are the same for every subcommand and never a count.
pub(super) mod exit {
    /// Everything passed.
    pub(in crate::cli) const CLEAN: u8 = 0;
    /// Findings.
    pub(in crate::cli) const FINDINGS: u8 = 1;
    /// Wrong usage or configuration.
    pub(in crate::cli) const USAGE: u8 = 2;
    /// What was to be tested could not be: the system refused.
    pub(in crate::cli) const NOT_TESTED: u8 = 3;
    /// There was nothing to test.
    pub(in crate::cli) const UNTESTED: u8 = 4;
    /// A fault of Sauma itself.
    pub(in crate::cli) const OWN_FAULT: u8 = 5;
}

impl Verdict {
    /// The exit code.
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Clean => exit::CLEAN,
            Self::Findings => exit::FINDINGS,
            Self::Unreadable => exit::NOT_TESTED,
            Self::Untested => exit::UNTESTED,
        }
    }
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// Whoever reads standard output has gone.
    #[error("standard output was closed")]
    Pipe,
    /// The arguments do not make sense together.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something a permanent code speaks of stops the whole run.
    #[error("{}", .0.message)]
    Issue(Box<Issue>),
    /// Definitions cannot be used.
    #[error("{0}")]
    Definitions(#[from] crate::schema::Error),
    /// A thread cannot be started or standard input or output fails.
    #[error("the system refuses")]
    System(#[source] io::Error),
}

impl Stop {
    /// Wrong usage.
    pub(super) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// The exit code: wrong usage and what is named wrongly apart from what the system refuses.
    pub(super) fn exit_code(&self) -> u8 {
        let of = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::FileTooLarge => exit::USAGE,
            _ => exit::NOT_TESTED,
        };
        match self {
            Self::Pipe => exit::CLEAN,
            Self::Usage { .. } | Self::Issue(_) | Self::Definitions(_) => exit::USAGE,
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => of(source),
            Self::System(_) => exit::NOT_TESTED,
        }
    }

    fn code(&self) -> Option<&'static Code> {
        match self {
            Self::Issue(issue) => Some(issue.code),
            Self::Definitions(error) => Some(error.code()),
            Self::Pipe
            | Self::Usage { .. }
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::System(_) => None,
        }
    }

    /// What to do, or why it happened.
    pub(super) fn help(&self) -> String {
        match self {
            Self::Usage { help, .. } => help.clone(),
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } | Self::System(source) => {
                source.to_string()
            }
            Self::Issue(issue) => issue.advice().to_owned(),
            Self::Definitions(error) => {
                let cause = std::error::Error::source(error);
                cause.map_or_else(
                    || error.code().help.to_owned(),
                    |cause| format!("{cause}; {}", error.code().help),
                )
            }
            Self::Pipe => String::new(),
        }
    }
}

/// The parts of the output that have a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Errors, what is taken away.
    Error,
    /// Warnings.
    Warning,
    /// Information, places.
    Note,
    /// What is well, what is added.
    Good,
    /// Headings.
    Strong,
    /// What may be overlooked.
    Faint,
}

impl Ink {
    const fn style(self) -> Style {
        match self {
            Self::Error => AnsiColor::Red.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Note => AnsiColor::Cyan.on_default(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// Colours one stream, or does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// Without colours.
    #[cfg(test)]
    pub(super) const PLAIN: Self = Self(false);

    /// The text in a colour.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.0 || text.is_empty() {
            return text.to_owned();
        }
        let style = ink.style();
        format!("{}{text}{}", style.render(), style.render_reset())
    }
}

/// Formatted text at the end of a string.
pub(super) trait Add {
    /// Adds it.
    fn add(&mut self, text: fmt::Arguments<'_>);
}

impl Add for String {
    fn add(&mut self, text: fmt::Arguments<'_>) {
        match text.as_str() {
            Some(text) => self.push_str(text),
            None => self.push_str(&text.to_string()),
        }
    }
}

/// The streams of this run and how to write to them.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) format: Format,
    pub(super) show_values: bool,
    pub(super) quiet: bool,
    /// What people read, by `--lang` or by the environment.
    pub(super) lang: Language,
    /// The language that `--lang` asks for.
    pub(super) lang_asked: Option<Language>,
    /// The language of messages in reports for programs: English, unless `--lang` asks for another.
    pub(super) report_lang: Language,
    /// Colours of standard output.
    pub(super) out_paint: Paint,
    /// Colours of standard error.
    pub(super) err_paint: Paint,
}

impl Console {
    /// From the options and the environment.
    pub(super) fn new(global: &Global) -> Self {
        Self {
            format: global.format,
            show_values: global.show_values,
            quiet: global.quiet,
            lang: global.lang.unwrap_or_else(lang_of_environment),
            lang_asked: global.lang,
            report_lang: global.lang.unwrap_or(Language::En),
            out_paint: Paint(colours(global.color, io::stdout().is_terminal())),
            err_paint: Paint(colours(global.color, io::stderr().is_terminal())),
        }
    }

    /// True where results and findings are for a program.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// True where findings of a severity are not shown: to people who asked for errors only.
    pub(super) fn hides(&self, severity: Severity) -> bool {
        self.quiet && self.format == Format::Human && severity != Severity::Error
    }

    /// True where somebody may watch a progress bar.
    pub(super) fn shows_progress(&self) -> bool {
        !self.quiet && self.format == Format::Human && io::stderr().is_terminal()
    }

    /// Writes to standard output.
    pub(super) fn out(bytes: &[u8]) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(stdout_fault)
    }

    /// Writes text to standard output.
    pub(super) fn print(text: &str) -> Result<(), Stop> {
        Self::out(text.as_bytes())
    }

    /// Writes a value as JSON to standard output.
    pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Stop> {
        let mut text = to_json(value);
        text.push('\n');
        Self::print(&text)
    }

    /// Writes to standard error. Nothing can be said where that is closed.
    pub(super) fn note(text: &str) {
        drop(io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Says why the run cannot go on.
    pub(super) fn stop(&self, stop: &Stop) {
        let (message, help) = (clean(&stop.to_string()), clean(&stop.help()));
        if self.is_json() {
            let code = stop.code().map(|code| code.id);
            let said = serde_json::json!({ "stopped": { "code": code, "message": message, "help": help } });
            Self::note(&format!("{said}\n"));
            return;
        }
        let code = stop.code().map_or_else(String::new, |code| format!("[{}]", code.id));
        let paint = self.err_paint;
        let mut text = format!(
            "{}{}\n",
            paint.ink(Ink::Error, &format!("error{code}")),
            paint.ink(Ink::Strong, &format!(": {message}"))
        );
        if !help.is_empty() {
            text.add(format_args!("  = {help}\n"));
        }
        Self::note(&text);
    }
}

/// A value as readable JSON.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    // Reports are structs of strings and numbers, for which the serialiser has no error.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Standard output failed: quietly where its reader has gone.
pub(super) fn stdout_fault(error: io::Error) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe { Stop::Pipe } else { Stop::System(error) }
}

/// Text of a document or a file name without control characters, which could steer a terminal.
pub(super) fn clean(text: &str) -> String {
    let steers = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (c.is_control() && c != '\n') || turns
    };
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if steers(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// The choice of colours for the messages of the argument parser, which come before the options are known.
pub(super) fn early_choice(arguments: impl Iterator<Item = OsString>) -> clap::ColorChoice {
    let mut choice = clap::ColorChoice::Auto;
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        let value = match text.strip_prefix("--color") {
            Some("") => arguments.peek().map(|next| next.to_string_lossy().into_owned()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        match value.as_deref() {
            Some("always") => choice = clap::ColorChoice::Always,
            Some("never") => choice = clap::ColorChoice::Never,
            _ => {}
        }
    }
    choice
}

/// <https://no-color.org> wins over <https://bixense.com/clicolors>, and an option over both.
fn colours(choice: Color, is_terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR").is_some() => false,
        Color::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        Color::Auto => {
            let refused = set("CLICOLOR").is_some_and(|value| value == "0")
                || set("TERM").is_some_and(|value| value == "dumb");
            is_terminal && !refused
        }
    }
}

/// `LC_ALL` wins over `LANG` (POSIX, 8.2); an empty variable counts as unset.
fn lang_of_environment() -> Language {
    let value =
        ["LC_ALL", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    value.and_then(|value| Language::find(&value)).unwrap_or(Language::En)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_steer_a_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\tc\u{202e}"), "a\u{fffd}[31mb c\u{fffd}");
    }

    #[test]
    fn the_last_choice_of_colour_holds() {
        let choice = |words: &[&str]| early_choice(words.iter().map(OsString::from));
        assert_eq!(choice(&["sauma", "--color", "never", "--color=always"]), clap::ColorChoice::Always);
        assert_eq!(choice(&["sauma", "--color"]), clap::ColorChoice::Auto);
    }
}
