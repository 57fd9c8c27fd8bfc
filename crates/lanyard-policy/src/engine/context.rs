//! The context of one request, in one reading: only what the rules at hand read is put into it.

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

impl Source<'_> {
    /// Builds the context of a reading.
    pub(crate) fn context(
        &self,
        reading: &Reading,
        noticed: &mut NoticedBy,
    ) -> Result<Context, Misfit> {
        let mut pairs = Vec::with_capacity(4);
        let mut args = Vec::new();
        let mut views: BTreeMap<&'static str, Vec<(String, Expr)>> = BTreeMap::new();
        for read in self.reads {
            match read {
                Read::Argument(name) => {
                    if let Some(value) = self.argument(name, reading, noticed)? {
                        args.push((name.clone(), value));
                    }
                }
                Read::View(view, name) => {
                    if let Some(seen) = self.view(*view, name, reading, noticed)? {
                        views.entry(view.as_str()).or_default().push((name.clone(), seen));
                    }
                }
                Read::Undeclared => {
                    let declared = |name: &str| self.fields.contains_key(name);
                    let names = undeclared(declared, self.ask.arguments);
                    pairs.push(("undeclared".to_owned(), names));
                }
                Read::Session => {
                    pairs.push(("session".to_owned(), session(self.ask.session)?));
                }
                Read::Time => {
                    let now = self.ask.circumstances.now;
                    pairs.push(("time".to_owned(), time(now, self.zone)?));
                }
                Read::Client => {
                    pairs.push(("client".to_owned(), client(&self.ask.circumstances)?));
                }
                Read::Root(_) | Read::Caller => {}
            }
        }
        pairs.push(("args".to_owned(), record(args)?));
        for view in View::ALL {
            let seen = views.remove(view.as_str()).unwrap_or_default();
            pairs.push((view.as_str().to_owned(), record(seen)?));
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

fn time(now: Timestamp, zone: &TimeZone) -> Result<Expr, Misfit> {
    let instant = Instant::from_microsecond(now.0)
        .map_err(|_| Misfit("the clock stands at a time that is not known".to_owned()))?;
    let local = Zoned::new(instant, zone.clone());
    let at = instant.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    named([
        ("at", Expr::new_datetime(at)),
        ("date", Expr::new_string(local.date().to_string())),
        ("hour", Expr::new_long(local.hour().into())),
        ("minute", Expr::new_long(local.minute().into())),
        ("weekday", Expr::new_long(local.weekday().to_monday_one_offset().into())),
    ])
}

fn client(circumstances: &Circumstances<'_>) -> Result<Expr, Misfit> {
    let mut pairs = vec![("transport", Expr::new_string(circumstances.transport.as_str().into()))];
    pairs.extend(address(circumstances.peer).map(|address| ("address", address)));
    named(pairs)
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
