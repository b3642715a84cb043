//! What a value of each form looks like: in a sentence, in examples, and in a shape that a schema can check. The words
//! come from the tables that the parsers use. Parses nothing.

use super::faults;
use super::form::Form;
use super::select;
use super::trigger;
use super::units;

/// All there is to say about a form.
#[derive(Debug)]
pub(super) struct Grammar {
    /// What it means and how it is written, in sentences.
    pub(super) doc: String,
    /// Values as they stand in a file.
    pub(super) examples: Vec<String>,
    /// What a schema can check.
    pub(super) shape: Shape,
}

/// The shape of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Text that matches a regular expression.
    Text(String),
    /// One of these words.
    Words(&'static [&'static str]),
    Integer,
    /// A number from 0 to 1.
    Chance,
    Flag,
    /// One of several shapes.
    Either(Vec<Shape>),
    /// A list of at least one.
    List(Box<Shape>),
    /// Lists of values, by path.
    Lists,
    /// Values by names of one's own.
    ByName(Box<Shape>),
    Table,
    Tables,
    Named,
}

/// A name of a host or file within a phrase.
const NAME: &str = r"[A-Za-z0-9_-]{1,64}";
const NUMBER: &str = r"\d+(\.\d+)?";

fn whole(pattern: &str) -> Shape {
    Shape::Text(format!(r"^\s*{pattern}\s*$"))
}

fn one_of(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
    format!("({})", words.join("|"))
}

/// A duration such as `1m30s`.
fn duration() -> String {
    format!(r"({NUMBER}\s*{}\s*)+", one_of(units::time_units()))
}

/// A size such as `4 MiB`.
fn size() -> String {
    format!(r"{NUMBER}\s*{}", one_of(units::size_units()))
}

/// One value or a range of them, of which the first may leave its unit to the second.
fn range(value: &str) -> String {
    format!(r"({value}|({NUMBER}|{value})\s*\.\.\s*{value})")
}

/// Servers by name, ranges of them, and lists of both.
fn selector() -> String {
    let some = format!(r"{NAME}(\s*\.\.\s*{NAME})?");
    let list = format!(r"{some}((\s*,\s*|\s+and\s+){some})*");
    let hosts = format!(r"(all\s+but\s+{list}|{list})");
    let holders = format!(r"holders?\s+of\s+(share\s+\d+\s+of\s+)?(version\s+\d+\s+of\s+)?{NAME}");
    format!(r"(any\s+\d+(\s+of\s+{hosts}|\s+{holders})?|{holders}|{hosts})")
}

fn trigger() -> String {
    let count = r"(the|a|one|k|\d+)(\.\.(the|a|one|k|\d+))?";
    let counted = trigger::countable().map(|(verb, noun)| match verb {
        "" => format!(r"{count}\s+{noun}s?"),
        verb => format!(r"{verb}\s+{count}\s+{noun}s?"),
    });
    let counted = one_of(counted);
    let who = format!(r"(it|any\s+server|any\s+client|the\s+client|{NAME})");
    let event = format!(r"(step\s+\d+\s+(starts|ends)|{who}\s+has\s+{counted})");
    let more = r"(, in step\s+\d+)?(, with probability\s+[0-9.eE+-]+)?";
    format!(r"(at\s+the\s+start|{}|{event}{more})", range(&duration()))
}

/// `0, 3..5` or `all`.
fn numbers() -> String {
    let some = r"\d+(\s*\.\.\s*\d+)?";
    format!(r"(all|{some}((\s*,\s*|\s+and\s+){some})*)")
}

/// The words of a phrase, any number in place of each number.
fn like(form: &str) -> String {
    let number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    form.split(' ').map(|word| if number(word) { r"\d+" } else { word }).collect::<Vec<_>>().join(r"\s+")
}

/// What is known of `form`.
pub(super) fn of(form: Form) -> Grammar {
    let (doc, examples, shape): (String, Vec<&str>, Shape) = match form {
        Form::Line => ("One line of text, not empty.".into(), vec![], Shape::Text(r"^[^\r\n]*[^\s][^\r\n]*$".into())),
        Form::Integer => ("A whole number, not negative.".into(), vec![], Shape::Integer),
        Form::Flag => ("`true` or `false`.".into(), vec!["false"], Shape::Flag),
        Form::Duration => (
            format!("A span of virtual time with its unit: {}. Longer units come first.", code(units::time_units())),
            vec!["\"250ms\"", "\"1m30s\"", "\"1.5s\""],
            whole(&duration()),
        ),
        Form::Durations => (
            "A duration, or a range of which the seed chooses one, both ends included.".into(),
            vec!["\"2s\"", "\"1..5s\""],
            whole(&range(&duration())),
        ),
        Form::Latency => (
            "A duration, or a range of which each message draws its own.".into(),
            vec!["\"1s\""],
            whole(&range(&duration())),
        ),
        Form::Size => (
            format!("A number of bytes with its unit: {}.", code(units::size_units())),
            vec!["\"56 B\"", "\"1.5 KiB\""],
            whole(&size()),
        ),
        Form::Sizes => (
            "A size, or a range of which the seed chooses one, both ends included.".into(),
            vec!["\"56 B..5 MiB\"", "\"1..4 MiB\""],
            whole(&range(&size())),
        ),
        Form::Rate => (
            "A size per second, a range of which the seed chooses one, or `unlimited`.".into(),
            vec!["\"1..10 MiB/s\"", "\"unlimited\""],
            whole(&one_of(["unlimited".to_owned(), range(&format!(r"{}\s*/s", size()))])),
        ),
        Form::Encoding => (
            "k-of-N: any k of the N shares rebuild a file; 1 <= k <= N <= 256.".into(),
            vec!["\"1-of-1\""],
            whole(r"\d+\s*-of-\s*\d+"),
        ),
        Form::Choice(words) => (format!("One of {}.", code(words.iter().copied())), vec![], Shape::Words(words)),
        Form::Hosts => (
            "A number of hosts, which get names, or the list of their names.".into(),
            vec!["[\"alice\", \"bob\"]"],
            Shape::Either(vec![Shape::Integer, Shape::List(Box::new(whole(NAME)))]),
        ),
        Form::FileName => ("The name of a `[files.NAME]`.".into(), vec![], whole(NAME)),
        Form::TreeName => ("The name of a `[trees.NAME]`.".into(), vec![], whole(NAME)),
        Form::ClientName => ("The name of a client.".into(), vec!["\"c0\""], whole(NAME)),
        Form::ServerName => ("The name of a server.".into(), vec![], whole(NAME)),
        Form::Selector => (
            "Servers (in faults clients too), by name or by what they hold, or a list of such phrases. What `any` leaves \
             open the seed chooses; who holds shares is known when the fault begins."
                .into(),
            select::FORMS.to_vec(),
            Shape::Either(vec![whole(&selector()), Shape::List(Box::new(whole(&selector())))]),
        ),
        Form::SelectorOrGroups => {
            let hosts = whole(&selector());
            let groups = Shape::List(Box::new(Shape::List(Box::new(hosts.clone()))));
            (
                "A selector; or a list of groups, each a list of hosts by name: within a group all is well, and hosts in \
                 no group talk to everybody."
                    .into(),
                vec!["\"s3\""],
                Shape::Either(vec![hosts.clone(), Shape::List(Box::new(hosts)), groups]),
            )
        }
        Form::Numbers => (
            "Numbers of shares: one, several, ranges (both ends included), or `all`.".into(),
            vec!["\"0, 3..5\"", "5", "\"all\""],
            Shape::Either(vec![Shape::Integer, whole(&numbers())]),
        ),
        Form::Layout => (
            "For each server, or each of those that a selector names, the numbers of the shares it has; who is not named has \
             none."
                .into(),
            vec![],
            Shape::ByName(Box::new(Shape::Either(vec![Shape::Integer, whole(&numbers())]))),
        ),
        Form::Substitute => (
            "What is there instead of the share: its own first part, another share, or what it was before.".into(),
            faults::SUBSTITUTES.to_vec(),
            whole(&one_of([
                format!(r"truncated\s+to\s+(\d+\s*%|{})", size()),
                format!(r"share\s+\d+\s+of\s+{NAME}"),
                r"version\s+\d+".to_owned(),
            ])),
        ),
        Form::Step => ("A step, by its number, from 1.".into(), vec![], whole(r"step\s+\d+")),
        Form::Answer => (
            "A status from 400 to 599, at the bucket with a code of S3 (without, it has the usual one); or what is wrong \
             with an answer that would have been good. `200` with a code is an error document under a status of success. \
             Only the bucket knows `wrong etag`, `stale` (what was there before the last change) and `lost` \
             (acknowledged, and not done)."
                .into(),
            faults::SPOILT.to_vec(),
            whole(&one_of(faults::SPOILT.iter().map(|form| match form.split_once(' ') {
                Some((number, _)) if number.parse::<u16>().is_ok() => r"\d{3}\s+[A-Za-z]+".to_owned(),
                _ => like(form),
            }))),
        ),
        Form::Which => (
            "Which requests of many are struck, counted at each server from the beginning of the fault.".into(),
            faults::CHOICES.to_vec(),
            whole(r"(all|the\s+first(\s+\d+)?|(the|every)\s+\d+(st|nd|rd|th)|with\s+probability\s+[0-9.eE+-]+)"),
        ),
        Form::Jump => (
            "A duration with a sign, ahead or back, or a range of them of which the seed chooses.".into(),
            vec!["\"-1h\"", "\"-1h..2d\""],
            whole(&format!(r"[+-]\s*{}", range(&duration()))),
        ),
        Form::Shares => (
            "Shares of a file, by number; of `any share` the seed chooses the number.".into(),
            select::SHARE_FORMS.to_vec(),
            whole(&one_of([
                format!(r"share\s+\d+\s+of\s+{NAME}"),
                format!(r"any\s+share\s+of\s+{NAME}"),
                format!(r"shares\s+of\s+{NAME}"),
            ])),
        ),
        Form::Part => (
            "A part of a share; blocks and tree nodes are numbered from 0.".into(),
            select::PART_FORMS.to_vec(),
            whole(&one_of(select::PART_FORMS.iter().map(|form| like(form)))),
        ),
        Form::Trigger => (
            "A time since the start of the run, or a range of which the seed chooses; or an event with a count, which \
             counts from the start of the run: `, in step 2` counts within that step only, `, with probability 0.1` \
             lets each further event decide. A count may be a range, `k`, `a`, `one` or `the`. `it` is the target of \
             the fault, and each target counts for itself."
                .into(),
            trigger::FORMS.to_vec(),
            whole(&trigger()),
        ),
        Form::ByteRange => (
            "From this byte up to, not including, that one.".into(),
            vec!["\"1 KiB..2 KiB\""],
            whole(&format!(r"({NUMBER}|{0})\s*\.\.\s*{0}", size())),
        ),
        Form::Bound => (
            "A number, at least, at most, or from one to another, both included.".into(),
            vec!["9", "\"<= 9\"", "\"3..5\""],
            Shape::Either(vec![Shape::Integer, whole(r"((<=|>=)?\s*\d+|\d+\s*\.\.\s*\d+)")]),
        ),
        Form::Percent => ("A whole percentage.".into(), vec![], whole(r"\d+\s*%")),
        Form::Multiple => ("A whole multiple.".into(), vec![], whole(r"\d+\s*x")),
        Form::Chance => ("A number from 0 to 1.".into(), vec![], Shape::Chance),
        Form::Ratio => (
            "At most, or at least, so many of so many.".into(),
            vec!["\">= 1 of 10\""],
            whole(r"(<=|>=)\s*\d+\s+of\s+\d+"),
        ),
        Form::Quantiles => {
            let one = whole(&format!(r"(max|p\d{{1,3}}(\.\d{{1,3}})?)\s*<=\s*{}", duration()));
            (
                "So many percent take no longer than this (`max`: all of them), or a list of such bounds.".into(),
                vec!["\"max <= 5s\"", "[\"p50 <= 300ms\", \"p99.9 <= 2s\"]"],
                Shape::Either(vec![one.clone(), Shape::List(Box::new(one))]),
            )
        }
        Form::Path => ("A path, seen from the folder of this file.".into(), vec![], Shape::Text(r"[^\s]".into())),
        Form::Matrix => (
            "For the path of a key a list of values to try. A path is the names of the tables and the key with dots \
             between; faults are named by their `name` or number, steps by their number, from 1. What a matrix says of a \
             key replaces what the file says. A variant is called after its values: `encoding=3-of-10 size=1 KiB`."
                .into(),
            vec!["{ \"faults.cable.for\" = [\"1s\", \"1m\"] }"],
            Shape::Lists,
        ),
        Form::Table(_) => ("A table.".into(), vec![], Shape::Table),
        Form::Tables(_) => ("A list of tables.".into(), vec![], Shape::Tables),
        Form::Named(_) => ("Tables with names of your own.".into(), vec![], Shape::Named),
    };
    let first = form.describe().1;
    let quoted = |text: &str| match text.starts_with(['"', '[', '{'])
        || text.parse::<f64>().is_ok() && !matches!(form, Form::Answer)
        || text == "false"
    {
        true => text.to_owned(),
        false => format!("\"{text}\""),
    };
    let mut all: Vec<String> = vec![first.to_owned()];
    all.extend(examples.into_iter().map(quoted).filter(|example| example != first));
    Grammar { doc, examples: all.into_iter().filter(|example| example != "\"...\"").collect(), shape }
}

/// Words as code, with commas between.
pub(super) fn code<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
