//! How a column becomes a word of the core and back.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::str::FromStr;

use lanyard_core::Timestamp;
use rusqlite::Row;
use rusqlite::types::{Type, ValueRef};

use crate::StoreError;

/// A column that holds a name, parsed as when it came in.
pub(crate) fn name<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error: T::Err| unreadable(column, Type::Text, Box::new(error)))
}

/// A column that holds a name or nothing.
pub(crate) fn name_optional<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { name(row, column).map(Some) }
}

/// A column that holds a time.
pub(crate) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp(row.get(column)?))
}

/// A column that holds a time or nothing.
pub(crate) fn time_optional(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
}

/// A column that holds a count.
pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| unreadable(column, Type::Integer, Box::new(error)))
}

/// A column that holds a count or nothing.
pub(crate) fn count_optional(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { count(row, column).map(Some) }
}

/// A count as SQLite can hold it.
pub(crate) fn of_count(what: &'static str, count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::NumberTooLarge { what })
}

/// A column that holds a list of texts.
pub(crate) fn list(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<String>> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| unreadable(column, Type::Text, Box::new(error)))
}

/// A column that holds a list of texts or nothing.
pub(crate) fn list_optional(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Vec<String>>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { list(row, column).map(Some) }
}

/// A column that holds a set of names.
pub(crate) fn names<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<BTreeSet<T>>
where
    T: FromStr + Ord,
    T::Err: Error + Send + Sync + 'static,
{
    let parsed = list(row, column)?.iter().map(|text| text.parse()).collect::<Result<_, T::Err>>();
    parsed.map_err(|error| unreadable(column, Type::Text, Box::new(error)))
}

/// A column that holds keys with values.
pub(crate) fn map(row: &Row<'_>, column: usize) -> rusqlite::Result<BTreeMap<String, String>> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| unreadable(column, Type::Text, Box::new(error)))
}

/// Keys with values as a column holds them.
pub(crate) fn of_map(map: &BTreeMap<String, String>) -> String {
    let members = map.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
    serde_json::Value::Object(members.collect()).to_string()
}

/// A column that holds one of several words.
pub(crate) fn word<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    parse(text).ok_or_else(|| unreadable(column, Type::Text, "an unknown word".into()))
}

/// A list of texts as a column holds it.
pub(crate) fn of_list(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

pub(crate) fn unreadable(
    column: usize,
    kind: Type,
    error: Box<dyn Error + Send + Sync>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, error)
}
