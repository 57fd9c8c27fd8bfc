//! The functions of the template language: one table, and what every function gets.

mod compare;
mod encode;
mod lists;
mod numbers;
mod objects;
mod printf;
mod regexes;
mod text;
mod times;
mod values;

use lanyard_core::spelling::edits;

use super::ast::Call;
use super::number;
use super::runtime::Runtime;
use super::value::{Members, Outcome, Text, Val, failed};

pub(super) use encode::owned;

/// An entry of the table.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The fewest arguments it takes, a piped one included.
    pub(super) least: usize,
    /// The most; no number for any.
    pub(super) most: Option<usize>,
    pub(super) eval: Eval,
    /// Whether it reads its text arguments from end to end, which counts as work.
    pub(super) reads: bool,
    /// Whether it gives something in the place of a missing value.
    pub(super) guards: bool,
}

/// How a function is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) enum Eval {
    /// `and` and `or`: the first operand of this truth decides, and the rest is not evaluated.
    Deciding { truth: bool },
    /// All arguments are evaluated first.
    Plain(Plain),
}

type Plain = for<'a> fn(&mut Input<'a, '_>) -> Outcome<Val<'a>>;

/// What a function gets.
pub(super) struct Input<'a, 'r> {
    pub(super) runtime: &'r mut Runtime<'a>,
    pub(super) arguments: Vec<Val<'a>>,
    pub(super) call: &'a Call,
    pub(super) dot: &'r Val<'a>,
}

impl<'a> Input<'a, '_> {
    fn count(&self) -> usize {
        self.arguments.len()
    }

    fn value(&self, index: usize) -> Val<'a> {
        self.arguments.get(index).cloned().unwrap_or_else(Val::missing)
    }

    fn last(&self) -> Val<'a> {
        self.arguments.last().cloned().unwrap_or_else(Val::missing)
    }

    /// The arguments from the `start`th on.
    fn rest(&self, start: usize) -> Vec<Val<'a>> {
        self.arguments.get(start..).unwrap_or_default().to_vec()
    }

    /// An argument as text; missing and null are the empty text.
    fn text(&mut self, index: usize) -> Outcome<Text<'a>> {
        let value = self.value(index);
        self.runtime.read(&value)
    }

    fn int(&self, index: usize) -> Outcome<i64> {
        number::to_int(&self.value(index))
    }

    /// A whole number as a count; a negative one is none.
    fn count_of(&self, index: usize) -> Outcome<usize> {
        Ok(usize::try_from(self.int(index)?).unwrap_or(0))
    }

    /// The elements of an argument that must be a list. Missing and null are the empty list.
    fn list(&mut self, index: usize) -> Outcome<Vec<Val<'a>>> {
        let value = self.value(index);
        if value.is_nothing() {
            return Ok(Vec::new());
        }
        match self.runtime.items(&value)? {
            Some(items) => Ok(items),
            None => failed("a list is wanted"),
        }
    }

    /// The members of an argument that must be an object. Missing and null are the empty object.
    fn object(&mut self, index: usize) -> Outcome<Members<'a>> {
        let value = self.value(index);
        if value.is_nothing() {
            return Ok(Vec::new());
        }
        match self.runtime.members(&value)? {
            Some(members) => Ok(members),
            None => failed("an object is wanted"),
        }
    }
}

/// The function of a name.
pub(super) fn named(name: &str) -> Option<&'static Function> {
    if let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) {
        return Some(function);
    }
    let (_, meant) = ALIASES.iter().find(|(alias, _)| *alias == name)?;
    FUNCTIONS.iter().find(|function| function.name == *meant)
}

/// Every name.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let functions = FUNCTIONS.iter().map(|function| function.name);
    functions.chain(ALIASES.iter().map(|(alias, _)| *alias))
}

/// The name that may have been meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let letters = |name: &str| name.to_lowercase().chars().take(64).collect::<Vec<_>>();
    let wanted = letters(name);
    let names = FUNCTIONS.iter().map(|function| function.name);
    let measured = names.map(|known| (edits(&wanted, &letters(known)), known));
    let (distance, known) = measured.min_by_key(|(distance, _)| *distance)?;
    let close = distance <= 2 && distance.saturating_mul(3) <= known.len();
    close.then_some(known)
}

const fn function(name: &'static str, least: usize, most: usize, run: Plain) -> Function {
    let eval = Eval::Plain(run);
    Function { name, least, most: Some(most), eval, reads: true, guards: false }
}

const fn many(name: &'static str, least: usize, run: Plain) -> Function {
    Function { most: None, ..function(name, least, 0, run) }
}

const fn brief(function: Function) -> Function {
    Function { reads: false, ..function }
}

const fn deciding(name: &'static str, truth: bool) -> Function {
    let eval = Eval::Deciding { truth };
    Function { name, least: 1, most: None, eval, reads: false, guards: false }
}

/// Every function, by subject. Nothing else is defined.
static FUNCTIONS: &[Function] = &[
    deciding("and", false),
    deciding("or", true),
    brief(function("not", 1, 1, compare::not)),
    brief(many("eq", 2, compare::eq)),
    brief(function("ne", 2, 2, compare::ne)),
    brief(function("lt", 2, 2, compare::lt)),
    brief(function("le", 2, 2, compare::le)),
    brief(function("gt", 2, 2, compare::gt)),
    brief(function("ge", 2, 2, compare::ge)),
    brief(function("len", 1, 1, values::len)),
    brief(many("index", 2, values::index)),
    function("gjson", 1, 1, values::gjson),
    many("print", 0, values::print),
    many("println", 0, values::println),
    many("printf", 1, printf::printf),
    many("html", 1, encode::html),
    many("js", 1, encode::js),
    many("urlquery", 1, encode::urlquery),
    Function { guards: true, ..brief(function("default", 1, 2, values::default)) },
    brief(function("empty", 1, 1, values::empty)),
    Function { guards: true, ..brief(many("coalesce", 1, values::coalesce)) },
    brief(function("ternary", 3, 3, values::ternary)),
    function("fail", 1, 1, values::fail),
    function("trim", 1, 1, text::trim),
    function("trimAll", 2, 2, text::trim_all),
    function("trimPrefix", 2, 2, text::trim_prefix),
    function("trimSuffix", 2, 2, text::trim_suffix),
    function("upper", 1, 1, text::upper),
    function("lower", 1, 1, text::lower),
    function("title", 1, 1, text::title),
    function("nospace", 1, 1, text::nospace),
    function("repeat", 2, 2, text::repeat),
    function("substr", 3, 3, text::substr),
    function("trunc", 2, 2, text::trunc),
    function("contains", 2, 2, text::contains),
    function("hasPrefix", 2, 2, text::has_prefix),
    function("hasSuffix", 2, 2, text::has_suffix),
    function("replace", 3, 3, text::replace),
    many("quote", 0, text::quote),
    many("squote", 0, text::squote),
    many("cat", 0, text::cat),
    function("indent", 2, 2, text::indent),
    function("nindent", 2, 2, text::nindent),
    function("plural", 3, 3, text::plural),
    function("split", 2, 2, text::split),
    function("splitList", 2, 2, text::split_list),
    function("join", 2, 2, text::join),
    function("toString", 1, 1, text::to_string),
    function("toStrings", 1, 1, text::to_strings),
    function("sortAlpha", 1, 1, text::sort_alpha),
    function("regexMatch", 2, 2, regexes::is_match),
    function("regexFind", 2, 2, regexes::find),
    function("regexFindAll", 3, 3, regexes::find_all),
    function("regexReplaceAll", 3, 3, regexes::replace_all),
    function("regexReplaceAllLiteral", 3, 3, regexes::replace_all_literal),
    function("regexSplit", 3, 3, regexes::split),
    function("int", 1, 1, numbers::int),
    function("int64", 1, 1, numbers::int),
    function("float64", 1, 1, numbers::float64),
    function("atoi", 1, 1, numbers::atoi),
    many("add", 1, numbers::add),
    function("add1", 1, 1, numbers::add1),
    function("sub", 2, 2, numbers::sub),
    many("mul", 1, numbers::mul),
    function("div", 2, 2, numbers::div),
    function("mod", 2, 2, numbers::modulo),
    many("max", 1, numbers::max),
    many("min", 1, numbers::min),
    many("addf", 1, numbers::addf),
    many("subf", 1, numbers::subf),
    many("mulf", 1, numbers::mulf),
    many("divf", 1, numbers::divf),
    many("maxf", 1, numbers::maxf),
    many("minf", 1, numbers::minf),
    function("floor", 1, 1, numbers::floor),
    function("ceil", 1, 1, numbers::ceil),
    function("round", 2, 3, numbers::round),
    function("seq", 0, 3, numbers::seq),
    function("until", 1, 1, numbers::until),
    function("untilStep", 3, 3, numbers::until_step),
    brief(many("list", 0, lists::list)),
    brief(function("first", 1, 1, lists::first)),
    brief(function("last", 1, 1, lists::last)),
    function("rest", 1, 1, lists::rest),
    function("initial", 1, 1, lists::initial),
    brief(function("append", 2, 2, lists::append)),
    brief(function("prepend", 2, 2, lists::prepend)),
    many("concat", 0, lists::concat),
    function("reverse", 1, 1, lists::reverse),
    function("uniq", 1, 1, lists::uniq),
    many("without", 1, lists::without),
    function("has", 2, 2, lists::has),
    function("compact", 1, 1, lists::compact),
    function("slice", 1, 3, lists::slice),
    brief(many("dict", 0, objects::dict)),
    brief(function("get", 2, 2, objects::get)),
    brief(function("set", 3, 3, objects::set)),
    brief(function("hasKey", 2, 2, objects::has_key)),
    many("keys", 1, objects::keys),
    function("values", 1, 1, objects::values),
    many("pick", 1, objects::pick),
    many("omit", 1, objects::omit),
    many("pluck", 1, objects::pluck),
    many("dig", 3, objects::dig),
    function("toJson", 1, 1, encode::to_json),
    function("toRawJson", 1, 1, encode::to_raw_json),
    function("toPrettyJson", 1, 1, encode::to_pretty_json),
    function("fromJson", 1, 1, encode::from_json),
    function("now", 0, 0, times::now),
    function("date", 2, 2, times::date),
    function("dateInZone", 3, 3, times::date_in_zone),
    function("dateModify", 2, 2, times::date_modify),
    function("unixEpoch", 1, 1, times::unix_epoch),
    function("b64enc", 1, 1, encode::b64enc),
    function("b64dec", 1, 1, encode::b64dec),
    function("b32enc", 1, 1, encode::b32enc),
    function("b32dec", 1, 1, encode::b32dec),
    function("sha1sum", 1, 1, encode::sha1sum),
    function("sha256sum", 1, 1, encode::sha256sum),
    function("sha512sum", 1, 1, encode::sha512sum),
    function("uuidv4", 0, 0, values::uuidv4),
    function("getRealIP", 0, 0, values::address),
    function("getSocketIP", 0, 0, values::address),
];

/// Other names: sprig's own, and those that only the original's documentation knows.
static ALIASES: &[(&str, &str)] = &[
    ("biggest", "max"),
    ("dateFormat", "date"),
    ("date_in_zone", "dateInZone"),
    ("date_modify", "dateModify"),
    ("mustAppend", "append"),
    ("mustCompact", "compact"),
    ("mustDateModify", "dateModify"),
    ("mustFirst", "first"),
    ("mustFromJson", "fromJson"),
    ("mustHas", "has"),
    ("mustInitial", "initial"),
    ("mustLast", "last"),
    ("mustPrepend", "prepend"),
    ("mustPush", "append"),
    ("mustRegexFind", "regexFind"),
    ("mustRegexFindAll", "regexFindAll"),
    ("mustRegexMatch", "regexMatch"),
    ("mustRegexReplaceAll", "regexReplaceAll"),
    ("mustRegexReplaceAllLiteral", "regexReplaceAllLiteral"),
    ("mustRegexSplit", "regexSplit"),
    ("mustRest", "rest"),
    ("mustReverse", "reverse"),
    ("mustSlice", "slice"),
    ("mustToJson", "toJson"),
    ("mustToPrettyJson", "toPrettyJson"),
    ("mustToRawJson", "toRawJson"),
    ("mustUniq", "uniq"),
    ("mustWithout", "without"),
    ("must_date_modify", "dateModify"),
    ("push", "append"),
    ("sprintf", "printf"),
    ("trimall", "trimAll"),
    ("tuple", "list"),
    ("urlqueryescape", "urlquery"),
];

#[cfg(test)]
mod tests;
