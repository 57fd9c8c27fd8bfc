//! The context of one request, in one reading: only what the rules at hand read is put into it.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Context, RestrictedExpression as Expr};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};
use lanyard_core::{Peer, Timestamp};
use serde_json::Value;

use crate::ask::{Ask, Circumstances, SessionFacts};
use crate::text::expression::{Read, View};
use crate::value::kind::{Field, Kind};
use crate::value::reading::{Bound, Form, Misfit, Noticed, ValueReader, present, undeclared};
use crate::views::{PathView, SqlView, UrlView, Views};

/// What a context is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) ask: &'a Ask<'a>,
    pub(crate) fields: &'a BTreeMap<String, Field>,
    pub(crate) reads: &'a BTreeSet<Read>,
    pub(crate) views: &'a dyn Views,
    pub(crate) zone: &'a TimeZone,
}

/// In which way the arguments are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) form: Form,
    /// The arguments whose numbers are read at their upper neighbour.
    pub(crate) high: BTreeSet<String>,
}

impl Reading {
    pub(crate) fn plain() -> Self {
        Self { form: Form::Raw, high: BTreeSet::new() }
    }
}

/// What was noticed, by argument.
pub(crate) type NoticedBy = BTreeMap<String, Noticed>;

/// A text or a list of texts, in one form.
enum Texts {
    One(String),
    Many(Vec<String>),
}

/// The records in a context whose members are read by name.
const GROUPS: [&str; 6] = ["args", "path", "sql", "url", "time", "client"];

impl Source<'_> {
    /// Builds the context of a reading.
    pub(crate) fn context(
        &self,
        reading: &Reading,
        noticed: &mut NoticedBy,
    ) -> Result<Context, Misfit> {
        let mut groups: BTreeMap<&str, Vec<(String, Expr)>> = BTreeMap::new();
        let mut pairs = Vec::with_capacity(4);
        let local = LazyCell::new(|| local(self.ask.circumstances.now, self.zone));
        for read in self.reads {
            let (group, name, value) = match read {
                Read::Argument(name) => ("args", name, self.argument(name, reading, noticed)?),
                Read::View(view, name) => {
                    (view.as_str(), name, self.view(*view, name, reading, noticed)?)
                }
                Read::Time(name) => {
                    let local = local.as_ref().map_err(Clone::clone)?;
                    ("time", name, time(local, name))
                }
                Read::Client(name) => ("client", name, client(&self.ask.circumstances, name)),
                Read::Root(name) => {
                    // Of what is no group, `context has NAME` is not so.
                    if GROUPS.contains(&name.as_str()) {
                        groups.entry(name).or_default();
                    }
                    continue;
                }
                Read::Undeclared => {
                    let declared = |name: &str| self.fields.contains_key(name);
                    let names = undeclared(declared, self.ask.arguments);
                    pairs.push(("undeclared".to_owned(), names));
                    continue;
                }
                Read::Session => {
                    pairs.push(("session".to_owned(), session(self.ask.session)?));
                    continue;
                }
                Read::Caller => continue,
            };
            groups.entry(group).or_default().extend(value.map(|it| (name.clone(), it)));
        }
        for (group, members) in groups {
            pairs.push((group.to_owned(), record(members)?));
        }
        Context::from_pairs(pairs).map_err(|error| Misfit(error.to_string()))
    }

    fn argument(
        &self,
        name: &str,
        reading: &Reading,
        noticed: &mut NoticedBy,
    ) -> Result<Option<Expr>, Misfit> {
        let Some(field) = self.fields.get(name) else {
            return self.undeclared(name).map(|()| None);
        };
        let bound = if reading.high.contains(name) { Bound::High } else { Bound::Low };
        let mut reader = ValueReader::new(reading.form, bound);
        let value = reader.field(name, field, self.ask.arguments)?;
        if reader.noticed != Noticed::default() {
            noticed.insert(name.to_owned(), reader.noticed);
        }
        Ok(value)
    }

    /// What the schema does not declare has no type, and is not passed over where a rule reads it.
    fn undeclared(&self, name: &str) -> Result<(), Misfit> {
        match self.ask.arguments.get(name) {
            Some(Value::Null) | None => Ok(()),
            Some(_) => Err(Misfit(format!("`{name}` came, and the schema does not declare it"))),
        }
    }

    fn view(
        &self,
        view: View,
        name: &str,
        reading: &Reading,
        noticed: &mut NoticedBy,
    ) -> Result<Option<Expr>, Misfit> {
        let Some(texts) = self.texts(name, reading, noticed)? else { return Ok(None) };
        let views = self.views;
        Ok(Some(match (view, texts) {
            (View::Path, Texts::One(text)) => path(views.path(&text))?,
            (View::Path, Texts::Many(texts)) => {
                paths(texts.iter().map(|text| views.path(text)).collect())?
            }
            (View::Sql, Texts::One(text)) => sql(views.sql(&text))?,
            (View::Url, Texts::One(text)) => url(views.url(&text))?,
            (View::Sql | View::Url, Texts::Many(_)) => return Ok(None),
        }))
    }

    fn texts(
        &self,
        name: &str,
        reading: &Reading,
        noticed: &mut NoticedBy,
    ) -> Result<Option<Texts>, Misfit> {
        let misfit = || Misfit(format!("`{name}` is not of the type that its schema says"));
        let Some(field) = self.fields.get(name) else {
            return self.undeclared(name).map(|()| None);
        };
        let Some(value) = present(name, field, self.ask.arguments) else {
            return if field.required { Err(misfit()) } else { Ok(None) };
        };
        let mut reader = ValueReader::new(reading.form, Bound::Low);
        let mut text = |kind: &Kind, value: &Value| match kind {
            Kind::Text if !value.is_string() => None,
            Kind::Text | Kind::Mixed => reader.text(value),
            Kind::Whole
            | Kind::Decimal
            | Kind::Bool
            | Kind::Set(_)
            | Kind::Several(_)
            | Kind::Record(_)
            | Kind::Unreadable(_) => None,
        };
        let texts = match (&field.kind, value) {
            (Kind::Set(element) | Kind::Several(element), Value::Array(members)) => {
                members.iter().map(|it| text(element, it)).collect::<Option<_>>().map(Texts::Many)
            }
            (Kind::Several(element), single) => {
                text(element, single).map(|it| Texts::Many(vec![it]))
            }
            (kind, value) => text(kind, value).map(Texts::One),
        };
        let texts = texts.ok_or_else(misfit)?;
        if reader.noticed.forms {
            noticed.entry(name.to_owned()).or_default().forms = true;
        }
        Ok(Some(texts))
    }
}

fn record(pairs: Vec<(String, Expr)>) -> Result<Expr, Misfit> {
    Expr::new_record(pairs).map_err(|error| Misfit(error.to_string()))
}

fn named(pairs: impl IntoIterator<Item = (&'static str, Expr)>) -> Result<Expr, Misfit> {
    record(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn texts(texts: impl IntoIterator<Item = String>) -> Expr {
    Expr::new_set(texts.into_iter().map(Expr::new_string))
}

fn path(view: PathView) -> Result<Expr, Misfit> {
    named([
        ("absolute", Expr::new_bool(view.absolute)),
        ("clean", Expr::new_string(view.clean)),
        ("ancestors", texts(view.ancestors)),
        ("escapes", Expr::new_bool(view.escapes)),
        ("hidden", Expr::new_bool(view.hidden)),
        ("odd", Expr::new_bool(view.odd)),
    ])
}

/// Several paths as one: it is only where all of them are, and does what any of them does.
fn paths(views: Vec<PathView>) -> Result<Expr, Misfit> {
    let any = |of: fn(&PathView) -> bool| Expr::new_bool(views.iter().any(of));
    let absolute = !views.is_empty() && views.iter().all(|view| view.absolute);
    let (escapes, hidden, odd) = (any(|it| it.escapes), any(|it| it.hidden), any(|it| it.odd));
    let mut shared: Option<BTreeSet<String>> = None;
    for view in views {
        let own: BTreeSet<String> = view.ancestors.into_iter().collect();
        shared = Some(match shared {
            Some(before) => before.intersection(&own).cloned().collect(),
            None => own,
        });
    }
    named([
        ("absolute", Expr::new_bool(absolute)),
        ("ancestors", texts(shared.unwrap_or_default())),
        ("escapes", escapes),
        ("hidden", hidden),
        ("odd", odd),
    ])
}

fn sql(view: SqlView) -> Result<Expr, Misfit> {
    named([
        ("parsed", Expr::new_bool(view.parsed)),
        ("read_only", Expr::new_bool(view.read_only)),
        ("statements", Expr::new_long(view.statements)),
        ("verbs", texts(view.verbs)),
        ("tables", texts(view.tables)),
        ("functions", texts(view.functions)),
    ])
}

fn url(view: UrlView) -> Result<Expr, Misfit> {
    named([
        ("parsed", Expr::new_bool(view.parsed)),
        ("scheme", Expr::new_string(view.scheme)),
        ("host", Expr::new_string(view.host)),
        ("port", Expr::new_long(view.port)),
        ("path", Expr::new_string(view.path)),
        ("user_info", Expr::new_bool(view.user_info)),
    ])
}

fn session(facts: &SessionFacts) -> Result<Expr, Misfit> {
    named([
        ("servers", texts(facts.servers.iter().cloned())),
        ("labels", texts(facts.labels.iter().cloned())),
        ("calls", Expr::new_long(facts.calls)),
    ])
}

/// The time of a request as the clocks of the tenant show it.
fn local(now: Timestamp, zone: &TimeZone) -> Result<Zoned, Misfit> {
    let instant = Instant::from_microsecond(now.0)
        .map_err(|_| Misfit("the clock stands at a time that is not known".to_owned()))?;
    Ok(Zoned::new(instant, zone.clone()))
}

/// An attribute of `context.time`; the types refuse any other.
fn time(local: &Zoned, name: &str) -> Option<Expr> {
    Some(match name {
        "at" => {
            let universal = local.with_time_zone(TimeZone::UTC);
            Expr::new_datetime(universal.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
        }
        "date" => Expr::new_string(local.date().to_string()),
        "hour" => Expr::new_long(local.hour().into()),
        "minute" => Expr::new_long(local.minute().into()),
        "weekday" => Expr::new_long(local.weekday().to_monday_one_offset().into()),
        _ => return None,
    })
}

/// An attribute of `context.client`; the types refuse any other.
fn client(circumstances: &Circumstances<'_>, name: &str) -> Option<Expr> {
    match name {
        "transport" => Some(Expr::new_string(circumstances.transport.as_str().into())),
        "address" => address(circumstances.peer),
        _ => None,
    }
}

fn address(peer: Peer) -> Option<Expr> {
    match peer {
        Peer::Tcp(address) => Some(Expr::new_ip(address.ip().to_canonical().to_string())),
        Peer::Unix { .. } => None,
    }
}

/// `principal.peer`.
pub(crate) fn peer(peer: Peer) -> Result<Expr, Misfit> {
    let mut pairs = Vec::new();
    pairs.extend(address(peer).map(|address| ("address", address)));
    if let Peer::Unix { uid, pid: _ } = peer {
        pairs.push(("uid", Expr::new_long(uid.into())));
    }
    named(pairs)
}
