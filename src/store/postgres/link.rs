//! One connection to PostgreSQL, and how it answers a search.

use super::PostgresOptions;
use crate::store::compile::Sql;
use crate::store::find::Engine;
use crate::store::queue::{Cell, Said};
use crate::store::row::{COLUMNS, NotedParts, Parts, Row, Value};
use crate::store::{Noted, StoreError};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Socket, Statement};

/// Statements that a connection keeps prepared; with more it starts anew.
const STATEMENTS_MAX: usize = 512;

/// A connection with its prepared statements.
pub(super) struct Link {
    pub(super) client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    /// Questions that wait for an answer.
    open: AtomicUsize,
}

/// A client whose connection goes on by itself.
async fn client<T>(config: &Config, tls: T) -> Result<Client, StoreError>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, connection) = config.connect(tls).await.map_err(|error| refused(&error))?;
    // It ends with the client, or with the connection; either way the client says so.
    drop(tokio::spawn(connection));
    Ok(client)
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where nobody answers or lets us in.
    pub(super) async fn connect(options: &PostgresOptions) -> Result<Self, StoreError> {
        let client = match &options.tls {
            None => client(&options.config, NoTls).await?,
            Some(tls) => client(&options.config, tls.clone()).await?,
        };
        let settings = format!(
            "SET search_path TO {}; SET jit = off; SET plan_cache_mode = force_custom_plan; \
             SET synchronous_commit = on",
            options.schema
        );
        client.batch_execute(&settings).await.map_err(|error| failed(&error))?;
        Ok(Self { client, statements: Mutex::default(), open: AtomicUsize::new(0) })
    }

    /// Connects to read.
    ///
    /// # Errors
    ///
    /// As [`Link::connect`].
    pub(super) async fn reader(options: &PostgresOptions) -> Result<Self, StoreError> {
        let link = Self::connect(options).await?;
        // What is scanned is our own choice (`find`), so that one plan does for all values: to make one anew for each
        // question cost more than to answer it. It must not be one for tables that were small when it was made.
        let settings = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off";
        link.client.batch_execute(settings).await.map_err(|error| failed(&error))?;
        Ok(link)
    }

    /// How many questions wait for an answer.
    pub(super) fn load(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// The statement, prepared once.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub(super) async fn prepare(&self, text: &str) -> Result<Statement, StoreError> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(text).await.map_err(|error| failed(&error))?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Does what a statement says.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub(super) async fn send(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(), StoreError> {
        let statement = self.prepare(sql).await?;
        self.client.execute(&statement, values).await.map(drop).map_err(|error| failed(&error))
    }

    async fn query(&self, sql: &Sql) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        self.open.fetch_add(1, Ordering::Relaxed);
        let answer = async {
            let statement = self.prepare(&sql.text).await?;
            let values: Vec<&(dyn ToSql + Sync)> = sql.values.iter().map(sent).collect();
            self.client.query(&statement, &values).await.map_err(|error| failed(&error))
        }
        .await;
        self.open.fetch_sub(1, Ordering::Relaxed);
        answer
    }
}

impl Engine for Link {
    async fn rows(&self, sql: &Sql) -> Result<Vec<Row>, StoreError> {
        let rows = self.query(sql).await?;
        rows.iter().map(|row| parts(row).map_err(|error| failed(&error))?.row()).collect()
    }

    async fn numbers(&self, sql: &Sql) -> Result<Vec<i64>, StoreError> {
        let rows = self.query(sql).await?;
        rows.iter().map(|row| number(row, 0).map_err(|error| failed(&error))).collect()
    }

    async fn noted(&self, sql: &Sql) -> Result<Vec<Noted>, StoreError> {
        let rows = self.query(sql).await?;
        rows.iter().map(|row| note(row).map_err(|error| failed(&error))?.noted()).collect()
    }

    async fn cells(&self, said: &Said) -> Result<Vec<Vec<Cell>>, StoreError> {
        self.open.fetch_add(1, Ordering::Relaxed);
        let answer = async {
            let statement = self.prepare(&said.text).await?;
            let values: Vec<&(dyn ToSql + Sync)> =
                said.values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            self.client.query(&statement, &values).await.map_err(|error| failed(&error))
        }
        .await;
        self.open.fetch_sub(1, Ordering::Relaxed);
        let row = |row: &tokio_postgres::Row| {
            (0..row.len()).map(|at| cell(row, at)).collect::<Result<Vec<Cell>, _>>()
        };
        answer?.iter().map(|found| row(found).map_err(|error| failed(&error))).collect()
    }
}

impl ToSql for Cell {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => (&**bytes).to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

fn cell(row: &tokio_postgres::Row, at: usize) -> Result<Cell, tokio_postgres::Error> {
    let cell = match row.columns().get(at).map(tokio_postgres::Column::type_) {
        Some(&Type::INT4) => row.try_get::<_, Option<i32>>(at)?.map(|number| Cell::Number(number.into())),
        Some(&Type::TEXT) => row.try_get::<_, Option<String>>(at)?.map(Cell::Text),
        Some(&Type::BYTEA) => row.try_get::<_, Option<&[u8]>>(at)?.map(|bytes| Cell::Bytes(Arc::from(bytes))),
        _ => row.try_get::<_, Option<i64>>(at)?.map(Cell::Number),
    };
    Ok(cell.unwrap_or(Cell::Null))
}

fn note(row: &tokio_postgres::Row) -> Result<NotedParts, tokio_postgres::Error> {
    Ok(NotedParts {
        tenant: row.try_get(0)?,
        log: row.try_get(1)?,
        place: row.try_get(2)?,
        time: row.try_get(3)?,
        entry: row.try_get(4)?,
        sum: row.try_get(5)?,
        hash: row.try_get(6)?,
        client: row.try_get(7)?,
        salt: row.try_get(8)?,
        value: row.try_get(9)?,
    })
}

fn parts(row: &tokio_postgres::Row) -> Result<Parts, tokio_postgres::Error> {
    Ok(Parts {
        rid: number(row, 0)?,
        kind: row.try_get(1)?,
        id: row.try_get(2)?,
        version: number(row, 3)?,
        updated: number(row, 4)?,
        method: number(row, 5)?,
        seq: number(row, 6)?,
        sum: number(row, 7)?,
        keys: row.try_get(8)?,
        document: row.try_get::<_, Option<&[u8]>>(9)?.map(Arc::from),
        client: row.try_get(10)?,
        sort: (COLUMNS..row.len()).map(|at| value(row, at)).collect::<Result<_, _>>()?,
    })
}

/// A whole number; one that stands in a statement itself is a short one.
fn number(row: &tokio_postgres::Row, at: usize) -> Result<i64, tokio_postgres::Error> {
    match row.columns().get(at).map(tokio_postgres::Column::type_) {
        Some(&Type::INT4) => row.try_get::<_, i32>(at).map(i64::from),
        _ => row.try_get(at),
    }
}

fn value(row: &tokio_postgres::Row, at: usize) -> Result<Value, tokio_postgres::Error> {
    match row.columns().get(at).map(tokio_postgres::Column::type_) {
        Some(&Type::TEXT) => row.try_get(at).map(Value::Text),
        _ => number(row, at).map(Value::Number),
    }
}

fn sent(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Number(number) => number,
        Value::Text(text) => text,
    }
}

/// What an error of PostgreSQL is for the caller. Its text is left out: it may quote what was asked.
pub(super) fn failed(error: &tokio_postgres::Error) -> StoreError {
    let Some(state) = error.code() else {
        // The connection is gone, or never was.
        return if error.is_closed() || is_of_the_network(error) {
            StoreError::Busy
        } else {
            StoreError::Database("a value of another type".to_owned())
        };
    };
    match state.code() {
        "53100" => StoreError::Full,
        "XX001" | "XX002" => StoreError::Damaged,
        // Too little of something, an operator's stop, a conflict that is solved by trying again.
        code if ["53", "57", "40", "08"].iter().any(|class| code.starts_with(class)) => StoreError::Busy,
        code => StoreError::Database(format!("SQLSTATE {code}")),
    }
}

fn is_of_the_network(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

fn refused(error: &tokio_postgres::Error) -> StoreError {
    match error.code() {
        Some(state) if state.code().starts_with("57") => StoreError::Busy,
        Some(state) => StoreError::Open(format!("SQLSTATE {}", state.code())),
        None => StoreError::Open(unanswered(error)),
    }
}

/// Why nobody was reached. Only of TLS is there more to say, which names neither a user nor a password.
fn unanswered(error: &tokio_postgres::Error) -> String {
    let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if error.to_string().contains("TLS") {
        format!("no TLS with the database: {why}")
    } else {
        "the database does not answer".to_owned()
    }
}
