//! The settings of the exchange: one TOML file, every key of which is known, with a table for each connection.

use super::mllp::{MllpListen, MllpSend};
use super::registry::fhir_server::FhirSettings;
use crate::diag::{LineIndex, nearest};
use crate::mapping::units;
use crate::store::Tenant;
use serde::Deserialize;
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Connections of one settings file.
pub const CONNECTIONS_MAX: usize = 1_000;
/// Bytes of the name of a connection.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of an address.
const URL_BYTES_MAX: usize = 2_000;
/// Ids that one connection asks for.
const IDS_MAX: usize = 100_000;
/// Seconds of a day.
const DAY_SECONDS: u64 = 86_400;

/// What an exchange is told before it starts.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Settings of the server, which name units, their registers and what is written down; open where none are named.
    pub server: Option<PathBuf>,
    /// Folder of the embedded store.
    pub data: PathBuf,
    /// Url of a PostgreSQL database, in place of the folder.
    pub database: Option<String>,
    /// Address and port of the server and of the metrics; nothing is listened at where it is missing.
    pub listen: Option<std::net::SocketAddr>,
    /// Folders of unit systems that are not built in; what changes in them is taken while the exchange runs.
    pub unit_dirs: Vec<PathBuf>,
    /// How messages are dealt with.
    pub worker: WorkerTable,
    /// The connections.
    #[serde(rename = "connection")]
    pub connections: Vec<ConnectionTable>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: None,
            data: PathBuf::from("sauma-data"),
            database: None,
            listen: None,
            unit_dirs: Vec::new(),
            worker: WorkerTable::default(),
            connections: Vec::new(),
        }
    }
}

/// How messages are dealt with: `[worker]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerTable {
    /// Lanes that are worked on at once.
    pub lanes_max: usize,
    /// Milliseconds between two looks for what is ready, where nothing tells of it.
    pub idle_ms: u64,
    /// Days for which messages are kept after their end.
    pub retention_days: u32,
    /// Seconds between two looks into the folders of unit systems; 0 where they are taken by an order alone.
    pub maps_every_seconds: u64,
}

impl Default for WorkerTable {
    fn default() -> Self {
        Self { lanes_max: 64, idle_ms: 200, retention_days: 30, maps_every_seconds: 2 }
    }
}

impl WorkerTable {
    /// Microseconds for which messages are kept after their end.
    pub fn retention(&self) -> i64 {
        i64::from(self.retention_days) * i64::try_from(DAY_SECONDS).unwrap_or(0) * super::queue::SECOND
    }
}

/// One connection: `[[connection]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionTable {
    /// Its name, in logs, metrics and lists; it may not change, for messages are known by it.
    pub name: Spanned<String>,
    /// Key of its unit, as the settings of the server have it.
    #[serde(default = "nobody")]
    pub unit: Spanned<String>,
    /// Number of the tenant.
    #[serde(default)]
    pub tenant: u32,
    /// The unit system of its documents; recognised where none is named.
    pub system: Option<Spanned<String>>,
    /// Hours without anything after which the unit counts as one that does not answer; never where none are named.
    pub silent_after_hours: Option<u32>,
    /// What kind of connection it is: says which table below it has.
    pub kind: Spanned<Kind>,
    /// See [`Kind::Directory`].
    pub directory: Option<DirectoryTable>,
    /// See [`Kind::HttpPull`].
    #[serde(rename = "http-pull")]
    pub http_pull: Option<HttpPullTable>,
    /// See [`Kind::HttpPush`].
    #[serde(rename = "http-push")]
    pub http_push: Option<HttpPushTable>,
    /// See [`Kind::Fhir`].
    pub fhir: Option<FhirTable>,
    /// See [`Kind::MllpListen`].
    #[serde(rename = "mllp-listen")]
    pub mllp_listen: Option<MllpListen>,
    /// See [`Kind::MllpSend`].
    #[serde(rename = "mllp-send")]
    pub mllp_send: Option<MllpSend>,
}

fn nobody() -> Spanned<String> {
    Spanned::new(0..0, String::new())
}

/// What kind of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Files in a folder.
    Directory,
    /// Documents that the unit gives when it is asked over HTTP.
    HttpPull,
    /// Documents that the unit takes over HTTP.
    HttpPush,
    /// Plans of a unit that is a FHIR server.
    Fhir,
    /// HL7 v2 messages that the unit sends over MLLP.
    MllpListen,
    /// HL7 v2 messages that the unit takes over MLLP.
    MllpSend,
}

impl Kind {
    /// The word in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::HttpPull => "http-pull",
            Self::HttpPush => "http-push",
            Self::Fhir => "fhir",
            Self::MllpListen => "mllp-listen",
            Self::MllpSend => "mllp-send",
        }
    }
}

/// Which way a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the unit to here.
    #[default]
    In,
    /// From here to the unit.
    Out,
}

/// Files in a folder: `[connection.directory]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryTable {
    /// The folder that the unit writes to, or reads from.
    pub folder: PathBuf,
    /// Which way the files go.
    #[serde(default)]
    pub direction: Direction,
    /// Where files go that were taken; `archive` in the folder where none is named.
    pub archive: Option<PathBuf>,
    /// Where files go that cannot be taken; `errors` in the folder where none is named.
    pub errors: Option<PathBuf>,
    /// Milliseconds between two looks into the folder.
    #[serde(default = "one_second")]
    pub every_ms: u64,
    /// Milliseconds for which a file has not changed before it is taken. Who writes under another name and renames
    /// needs none.
    #[serde(default = "two_seconds")]
    pub settle_ms: u64,
    /// A file is taken only once another of its name and this ending is there.
    pub marker: Option<String>,
}

const fn one_second() -> u64 {
    1_000
}

const fn two_seconds() -> u64 {
    2_000
}

const fn thirty_seconds() -> u64 {
    30_000
}

const fn one_minute() -> u64 {
    60
}

/// Documents that a unit gives: `[connection.http-pull]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpPullTable {
    /// The address; `{id}` in it stands for each of the ids.
    pub url: Spanned<String>,
    /// The unit's own numbers of the clients that are asked for.
    #[serde(default)]
    pub ids: Vec<String>,
    /// A file of such numbers, one in a line, read anew each time.
    pub ids_file: Option<PathBuf>,
    /// Seconds between two rounds.
    #[serde(default = "one_minute")]
    pub every_seconds: u64,
    /// Milliseconds after which an answer is not waited for any more.
    #[serde(default = "thirty_seconds")]
    pub timeout_ms: u64,
    /// Media type of the documents, without parameters; any where none is named.
    pub media_type: Option<String>,
    /// PEM file with the roots that sign the unit's certificate; those of this machine where none is named.
    pub ca: Option<PathBuf>,
    /// A file with the token that is shown (`Authorization: Bearer`).
    pub token_file: Option<PathBuf>,
}

/// Plans of a unit that is a FHIR server: `[connection.fhir]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FhirTable {
    /// Seconds between two rounds.
    #[serde(default = "one_minute")]
    pub every_seconds: u64,
    /// Where it is, and how it is asked.
    pub server: FhirSettings,
}

/// Documents that a unit takes: `[connection.http-push]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpPushTable {
    /// The address that documents are posted to.
    pub url: Spanned<String>,
    /// Milliseconds after which an answer is not waited for any more.
    #[serde(default = "thirty_seconds")]
    pub timeout_ms: u64,
    /// Media type of the documents.
    pub media_type: Option<String>,
    /// PEM file with the roots that sign the unit's certificate; those of this machine where none is named.
    pub ca: Option<PathBuf>,
    /// A file with the token that is shown (`Authorization: Bearer`).
    pub token_file: Option<PathBuf>,
}

impl ConnectionTable {
    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        match self.kind.get_ref() {
            Kind::Directory => self.directory.as_ref().map(|table| table.direction).unwrap_or_default(),
            Kind::HttpPull | Kind::Fhir | Kind::MllpListen => Direction::In,
            Kind::HttpPush | Kind::MllpSend => Direction::Out,
        }
    }

    /// True where the unit is asked, and does not come by itself.
    pub fn is_asked(&self) -> bool {
        matches!(self.kind.get_ref(), Kind::HttpPull | Kind::Fhir)
    }

    /// Whose data it brings.
    pub const fn tenant(&self) -> Tenant {
        Tenant(self.tenant)
    }

    /// The name of its unit system.
    pub fn system(&self) -> Option<&'static str> {
        let named = self.system.as_ref()?.get_ref();
        known_system(named)
    }

    /// The tables that stand in it, each by the kind it belongs to.
    fn tables(&self) -> [(Kind, bool); 6] {
        [
            (Kind::Directory, self.directory.is_some()),
            (Kind::HttpPull, self.http_pull.is_some()),
            (Kind::HttpPush, self.http_push.is_some()),
            (Kind::Fhir, self.fhir.is_some()),
            (Kind::MllpListen, self.mllp_listen.is_some()),
            (Kind::MllpSend, self.mllp_send.is_some()),
        ]
    }
}

/// A fault and its place in the file.
type Fault = (Range<usize>, String);

impl Settings {
    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(text: &str) -> Result<Self, String> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let hint = hint(error.message());
            placed(text, error.span().unwrap_or_default(), &format!("{}{hint}", error.message()))
        })?;
        match settings.faults().into_iter().next() {
            Some((span, message)) => Err(placed(text, span, &message)),
            None => Ok(settings),
        }
    }

    /// The folders of unit systems that the text of a settings file names: what they hold comes before the rest is read.
    pub fn unit_dirs_of(text: &str) -> Vec<PathBuf> {
        #[derive(Deserialize, Default)]
        struct Dirs {
            #[serde(default)]
            unit_dirs: Vec<PathBuf>,
        }
        // What is wrong with the text is told when all of it is read.
        toml::from_str::<Dirs>(text).unwrap_or_default().unit_dirs
    }

    /// The same settings with the files that they name looked for beside the settings file.
    pub fn beside(mut self, folder: &Path) -> Self {
        let lead = |path: &mut PathBuf| *path = folder.join(&*path);
        self.server.iter_mut().chain(&mut self.unit_dirs).for_each(lead);
        lead(&mut self.data);
        for connection in &mut self.connections {
            if let Some(table) = &mut connection.directory {
                lead(&mut table.folder);
                table.archive.iter_mut().chain(&mut table.errors).for_each(lead);
            }
            if let Some(table) = &mut connection.http_pull {
                table.ids_file.iter_mut().chain(&mut table.ca).chain(&mut table.token_file).for_each(lead);
            }
            if let Some(table) = &mut connection.http_push {
                table.ca.iter_mut().chain(&mut table.token_file).for_each(lead);
            }
            if let Some(FhirTable { server, .. }) = &mut connection.fhir {
                let link = &mut server.link;
                link.ca.iter_mut().chain(&mut link.certificate).chain(&mut link.key).for_each(lead);
                server.token.iter_mut().for_each(|token| lead(&mut token.key));
            }
            connection.mllp_listen.iter_mut().flat_map(MllpListen::files).for_each(lead);
            connection.mllp_send.iter_mut().flat_map(MllpSend::files).for_each(lead);
        }
        self
    }

    /// The connection of a name.
    pub fn connection(&self, name: &str) -> Option<&ConnectionTable> {
        self.connections.iter().find(|connection| connection.name.get_ref() == name)
    }

    /// What is wrong with the tables, in their order.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut names = HashSet::new();
        if self.connections.len() > CONNECTIONS_MAX {
            faults.push((0..0, format!("over {CONNECTIONS_MAX} connections")));
        }
        for connection in &self.connections {
            check(connection, &mut faults);
            if !names.insert(connection.name.get_ref().as_str()) {
                faults
                    .push((connection.name.span(), "there is another connection with this name".to_owned()));
            }
        }
        faults
    }
}

fn check(connection: &ConnectionTable, faults: &mut Vec<Fault>) {
    let name = connection.name.get_ref();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
        let message = format!("a name has 1 to {NAME_BYTES_MAX} small letters, digits and hyphens");
        faults.push((connection.name.span(), message));
    }
    if let Some(system) = &connection.system
        && known_system(system.get_ref()).is_none()
    {
        let meant = nearest(system.get_ref(), units::all().map(|unit| unit.name));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        faults.push((system.span(), format!("there is no such unit system{meant}")));
    }
    let kind = *connection.kind.get_ref();
    for (of, is_there) in connection.tables() {
        if (of == kind) != is_there {
            let word = of.as_str();
            let message = if is_there {
                format!("a connection of kind `{}` has no table `{word}`", kind.as_str())
            } else {
                format!("a connection of kind `{word}` needs the table `connection.{word}`")
            };
            faults.push((connection.kind.span(), message));
        }
    }
    let listens = connection.mllp_listen.as_ref().and_then(MllpListen::fault);
    let sends = connection.mllp_send.as_ref().and_then(MllpSend::fault);
    let mllp = listens.or(sends).map(|fault| (connection.kind.span(), fault.to_owned()));
    faults.extend(mllp);
    let urls = [
        connection.http_pull.as_ref().map(|table| &table.url),
        connection.http_push.as_ref().map(|table| &table.url),
    ];
    for url in urls.into_iter().flatten() {
        if let Err(message) = check_url(url.get_ref()) {
            faults.push((url.span(), message.to_owned()));
        }
    }
    if let Some(table) = &connection.http_pull {
        let has_ids = !table.ids.is_empty() || table.ids_file.is_some();
        if table.url.get_ref().contains("{id}") != has_ids {
            let message = "`{id}` in the address and `ids` or `ids_file` belong together";
            faults.push((table.url.span(), message.to_owned()));
        }
        if table.ids.len() > IDS_MAX {
            faults.push((table.url.span(), format!("over {IDS_MAX} ids")));
        }
    }
}

/// Whether an address may be called: what is about people never goes over a network unencrypted.
fn check_url(url: &str) -> Result<(), &'static str> {
    if url.len() > URL_BYTES_MAX {
        return Err("the address is too long");
    }
    let rest = match url.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
            if !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
                return Err("an address of another machine begins with https://");
            }
            rest
        }
        _ => return Err("an address begins with https://"),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() {
        return Err("the address names no host");
    }
    if host.contains('@') {
        return Err("an address holds no password: name a `token_file`");
    }
    Ok(())
}

fn known_system(name: &str) -> Option<&'static str> {
    if name == super::intake::FHIR {
        return Some(super::intake::FHIR);
    }
    units::all().find(|unit| unit.name == name).map(|unit| unit.name)
}

/// A message with its line and column.
fn placed(text: &str, span: Range<usize>, message: &str) -> String {
    let place = LineIndex::new(text).place(u32::try_from(span.start).unwrap_or(u32::MAX));
    format!("line {}, column {}: {message}", place.line, place.column)
}

/// What was perhaps meant by a name that is not known: the message names it first, then all that are known.
fn hint(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let meant = names.next().and_then(|unknown| nearest(unknown, names));
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &str =
        "[[connection]]\nname = \"files\"\nkind = \"directory\"\ndirectory = { folder = \"in\" }\n";

    fn check(text: &str, expected: &str) {
        let told = Settings::read(text).err().unwrap_or_default();
        assert!(told.contains(expected), "{text}\n{told}");
    }

    #[test]
    fn settings_are_read_with_their_files_beside_them() {
        let settings = Settings::read(FILES).map(|settings| settings.beside(Path::new("/etc/sauma")));
        let settings = settings.unwrap_or_default();
        let connection = settings.connection("files").map(|connection| connection.directory.clone());
        let folder = connection.flatten().map(|table| (table.folder, table.direction));
        assert_eq!(folder, Some((PathBuf::from("/etc/sauma/in"), Direction::In)));
        assert_eq!(settings.worker, WorkerTable::default());
        assert!(settings.connection("other").is_none());
    }

    #[test]
    fn faults_are_told_with_their_place_and_what_was_meant() {
        check("\nsevrer = \"a\"", "line 2, column 1: unknown field `sevrer`");
        check("sevrer = \"a\"", "did you mean `server`?");
        check(&FILES.replace("\"directory\"", "\"directry\""), "did you mean `directory`?");
        check(&FILES.replace("files", "Files"), "line 2, column 8: a name has");
        check(&format!("{FILES}{FILES}"), "line 6, column 8: there is another connection");
        check(&FILES.replace("folder", "foldr"), "did you mean `folder`?");
        check(&format!("{FILES}system = \"employment-pan\""), "did you mean `employment-plan`?");
        check(
            &FILES.replace("\"directory\"", "\"http-pull\""),
            "line 3, column 8: a connection of kind `http-pull`",
        );
        check(
            "[[connection]]\nname = \"a\"\nkind = \"http-push\"\n",
            "needs the table `connection.http-push`",
        );
    }

    #[test]
    fn addresses_of_other_machines_are_encrypted_and_hold_no_password() {
        let of = |url: &str| {
            format!("[[connection]]\nname = \"a\"\nkind = \"http-push\"\nhttp-push = {{ url = \"{url}\" }}\n")
        };
        for well in ["https://unit.example/plans", "http://127.0.0.1:8080/", "http://localhost/a?b"] {
            check(&of(well), "");
            assert!(Settings::read(&of(well)).is_ok(), "{well}");
        }
        check(&of("http://unit.example/"), "begins with https://");
        check(&of("http://localhost.unit.example/"), "begins with https://");
        check(&of("ftp://unit.example/"), "begins with https://");
        check(&of("https:///"), "names no host");
        check(&of("https://me:secret@unit.example/"), "token_file");
        let pull =
            "[[connection]]\nname = \"a\"\nkind = \"http-pull\"\nhttp-pull = { url = \"https://a/{id}\" }\n";
        check(pull, "belong together");
    }
}
