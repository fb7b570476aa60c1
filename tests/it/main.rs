#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests: a panic is how they fail, and printing is how they report"
)]

mod care;
mod cli;
mod cli_explain;
mod cli_fhir;
mod cli_input;
mod client_page;
mod clients;
mod coverage;
mod dialects;
mod export;
mod fhir_roundtrip;
mod fhirpath;
mod fit;
mod fml;
mod fml_run;
mod instance_mutants;
mod invariants;
mod join;
mod laws;
mod lsp;
mod messages;
mod mutants;
mod oracle;
mod outputs;
mod packages;
mod page;
mod path;
mod plain_roundtrip;
mod profiles;
mod ratchet;
mod reports;
mod restating;
mod shared;
mod snapshots;
mod tidy;
mod validate;
mod validate_cli;
