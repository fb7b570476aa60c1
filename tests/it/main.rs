#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests: a panic is how they fail, and printing is how they report"
)]

mod adding;
mod care;
mod cli;
mod cli_audit;
mod cli_explain;
mod cli_fhir;
mod cli_input;
mod cli_view;
mod client_page;
mod clients;
mod code_lists;
mod command_cases;
mod content;
mod corpus_join;
mod coverage;
mod decisions;
mod dialects;
mod er7;
mod exchange;
mod export;
mod families;
mod fhir_roundtrip;
mod fhirpath;
mod finnish_base;
mod fit;
mod fml;
mod fml_run;
mod history;
mod ignixa;
mod instance_mutants;
mod invariants;
mod join;
mod join_all;
mod joiner;
mod journeys;
mod kanta;
mod laws;
mod lsp;
mod messages;
mod mllp;
mod mllp_faults;
mod mllp_kills;
mod mutants;
mod oracle;
mod outputs;
mod packages;
mod page;
mod path;
mod permissions;
mod plain_roundtrip;
mod profiles;
mod ratchet;
mod registry;
mod reports;
mod restating;
mod search;
mod search_examples;
mod sameness;
mod server;
mod shared;
mod snapshots;
mod store;
mod store_durability;
mod store_engines;
mod store_logs;
mod store_queue;
mod testscript;
mod store_search;
mod store_tls;
mod tidy;
mod traps;
mod validate;
mod validate_cli;
mod write_back;
mod write_back_views;
mod xlsx;
mod values;
mod views;
mod views_leak;
mod views_valid;
