//! TLS to the database, as its address says with libpq's words: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`
//! (PostgreSQL, 32.19 "SSL Support").
//!
//! Of libpq's modes there are the two that do what they say: `disable`, and `verify-full`, by roots that are named. The
//! others encrypt for whoever answers.

use crate::store::StoreError;
use crate::tls::{TlsClientTable, client_config};
use percent_encoding::percent_decode_str;
use std::fmt::Write as _;
use std::path::PathBuf;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::ClientConfig;

/// What the address says of TLS.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    mode: Option<String>,
    roots: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl Asked {
    const fn names_files(&self) -> bool {
        self.roots.is_some() || self.certificate.is_some() || self.key.is_some()
    }

    /// Takes a parameter that is about TLS; false for another.
    fn takes(&mut self, name: &str, value: &str) -> bool {
        let place = match name {
            "sslmode" => &mut self.mode,
            "sslrootcert" => &mut self.roots,
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            _ => return false,
        };
        *place = Some(value.to_owned());
        true
    }
}

/// The address without what it says of TLS, and what connections are made with where it asks for TLS.
///
/// # Errors
///
/// [`StoreError::Open`] with a mode that does not protect, a file that cannot be used, an address that is none.
pub(super) fn parted(address: &str) -> Result<(String, Option<MakeRustlsConnect>), StoreError> {
    let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme));
    let parts = if is_url { of_url(address) } else { of_pairs(address) };
    let (rest, asked) = parts.ok_or_else(|| open("the address of the database is not well formed"))?;
    let tls = match (asked.mode.as_deref(), asked.names_files()) {
        (None | Some("disable"), false) => None,
        (Some("verify-full"), _) => Some(MakeRustlsConnect::new(config(&asked)?)),
        _ => {
            return Err(open(
                "`sslmode` of its address is `verify-full`, with the file of its roots in `sslrootcert`, or `disable`",
            ));
        }
    };
    Ok((rest, tls))
}

fn open(why: &str) -> StoreError {
    StoreError::Open(why.to_owned())
}

/// The parameters of an url (`postgresql://host/base?name=value&…`).
fn of_url(address: &str) -> Option<(String, Asked)> {
    let (head, query) = address.split_once('?').unwrap_or((address, ""));
    let mut asked = Asked::default();
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if !asked.takes(name, &percent_decode_str(value).decode_utf8().ok()?) {
            rest.push(pair);
        }
    }
    let mark = if rest.is_empty() { "" } else { "?" };
    Some((format!("{head}{mark}{}", rest.join("&")), asked))
}

/// The parameters of an address in words (`host=a user='b c'`; within quotes and without, `\` takes the next as it is).
fn of_pairs(address: &str) -> Option<(String, Asked)> {
    let mut asked = Asked::default();
    let mut rest = String::new();
    let mut left = address.trim_start();
    while !left.is_empty() {
        let (name, after) = left.split_once('=')?;
        let (value, after) = value(after.trim_start())?;
        let name = name.trim_end();
        if !asked.takes(name, &value) {
            let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
            write!(rest, "{name}='{quoted}' ").ok()?;
        }
        left = after.trim_start();
    }
    Some((rest, asked))
}

/// A value at the start of a text, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let quoted = text.strip_prefix('\'');
    let text = quoted.unwrap_or(text);
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.push(letters.next()?.1),
            '\'' if quoted.is_some() => return Some((value, letters.as_str())),
            letter if quoted.is_none() && letter.is_whitespace() => return Some((value, &text[at..])),
            letter => value.push(letter),
        }
    }
    quoted.is_none().then_some((value, ""))
}

fn config(asked: &Asked) -> Result<ClientConfig, StoreError> {
    let path = |file: &Option<String>| file.as_ref().map(PathBuf::from);
    let ca = path(&asked.roots).ok_or_else(|| open("`sslrootcert` of its address names no file"))?;
    if asked.certificate.is_some() != asked.key.is_some() {
        return Err(open("`sslcert` and `sslkey` of its address come together"));
    }
    let (certificate, key) = (path(&asked.certificate), path(&asked.key));
    let table = TlsClientTable { ca, name: None, certificate, key };
    client_config(&table)
        .map_err(|why| open(&format!("what its address names cannot be read as certificates and key: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_says_of_tls_is_taken_out_of_it() {
        let check = |address: &str, rest: &str, expected: [Option<&str>; 4]| {
            let parted = if address.contains("://") { of_url(address) } else { of_pairs(address) };
            let [mode, roots, certificate, key] = expected.map(|value| value.map(str::to_owned));
            assert_eq!(parted, Some((rest.to_owned(), Asked { mode, roots, certificate, key })), "{address}");
        };
        check("postgresql://a@b/c", "postgresql://a@b/c", [None; 4]);
        check(
            "postgresql://a@b/c?application_name=x&sslmode=verify-full&sslrootcert=/a%20b/c.pem",
            "postgresql://a@b/c?application_name=x",
            [Some("verify-full"), Some("/a b/c.pem"), None, None],
        );
        check("host=a user=b", "host='a' user='b' ", [None; 4]);
        check(
            r"host = a sslmode=verify-full sslrootcert='/a b/c\'d' password='\\ x' sslcert=e sslkey=f",
            r"host='a' password='\\ x' ",
            [Some("verify-full"), Some("/a b/c'd"), Some("e"), Some("f")],
        );
    }

    #[test]
    fn what_does_not_protect_is_refused() {
        let check = |address: &str, words: &str| {
            let told = parted(address).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains(words), "{address}: {told}");
        };
        check("host=a sslmode=require", "is `verify-full`");
        check("postgresql://a/b?sslmode=prefer", "is `verify-full`");
        // Roots that nobody asks for would look like protection.
        check("host=a sslrootcert=x", "is `verify-full`");
        check("host=a sslmode=verify-full", "`sslrootcert` of its address names no file");
        check("host=a sslmode=verify-full sslrootcert=/no/such.pem", "cannot be read as certificates");
        check("host='a", "not well formed");
        check("host", "not well formed");
    }
}
