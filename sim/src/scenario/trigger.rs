//! Phrases that say when a fault begins or ends. Draws nothing: `resolve` does.

use super::diagnose::{Bad, closest, suggest};
use super::select::Names;
use super::units::{self, Spread};
use crate::schedule::{BUCKET, Happening, Subject};

/// When a fault begins or ends, before the seed has chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum When {
    /// At a time, in microseconds since the start of the run.
    At(Spread),
    /// This long after the fault began, in microseconds.
    After(Spread),
    Event {
        who: Subject,
        what: Happening,
        count: Spread,
        probability: f64,
        during: Option<u64>,
    },
}

/// Who does the counted thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Server,
    Client,
}

/// A thing that is counted: `[verb] COUNT noun`.
struct Counted {
    verb: &'static str,
    noun: &'static str,
    side: Side,
    what: Happening,
}

const COUNTED: &[Counted] = &[
    Counted { verb: "served", noun: "block", side: Side::Server, what: Happening::BlockServed },
    Counted { verb: "received", noun: "request", side: Side::Server, what: Happening::RequestReceived },
    Counted { verb: "answered", noun: "request", side: Side::Server, what: Happening::RequestAnswered },
    Counted { verb: "answered", noun: "allocation", side: Side::Server, what: Happening::AllocationAnswered },
    Counted { verb: "taken", noun: "write", side: Side::Server, what: Happening::WriteAnswered },
    Counted { verb: "", noun: "answer", side: Side::Client, what: Happening::SharesAnswered },
    Counted { verb: "found", noun: "share", side: Side::Client, what: Happening::ShareFound },
    Counted { verb: "finished", noun: "segment", side: Side::Client, what: Happening::SegmentDone },
];

/// What it can look like, for people.
pub(super) const FORMS: &[&str] = &[
    "at the start",
    "2s",
    "1s..5s",
    "it has served 2 blocks",
    "it has served 2 blocks, in step 3",
    "s3 has served 2 blocks",
    "any server has served 5 blocks",
    "it has received 1 request",
    "it has answered 3 requests",
    "it has answered the allocation",
    "it has taken 1 write",
    "the client has 3 answers",
    "the client has found 3 shares",
    "the client has finished 2 segments",
    "step 2 starts",
    "step 2 ends",
];

/// Everything that is counted, as verb (which may be empty) and noun.
pub(super) fn countable() -> impl Iterator<Item = (&'static str, &'static str)> {
    COUNTED.iter().map(|counted| (counted.verb, counted.noun))
}

/// Parses a phrase such as `it has served 2 blocks, in step 3, with probability 0.1`.
pub(super) fn parse(text: &str, names: &Names) -> Result<When, Bad> {
    let (event, probability) = match text.split_once(", with probability ") {
        Some((event, chance)) => (event, self::probability(chance)?),
        None => (text, 1.0),
    };
    let (event, during) = match event.split_once(", in step ") {
        Some((event, number)) => (event, Some(step(number, names)?)),
        None => (event, None),
    };
    let words: Vec<&str> = event.split_whitespace().collect();
    let timed = match words.as_slice() {
        ["at", "the", "start"] => Some(Spread::fixed(0)),
        [first, ..] if first.starts_with(|c: char| c.is_ascii_digit()) => Some(units::durations(event)?),
        _ => None,
    };
    if let Some(at) = timed {
        if event.len() != text.len() {
            return Err(Bad::new("a time with a probability or a step", "only events have one")
                .help("an event counts, for example \"it has served 1 block, with probability 0.1\""));
        }
        return Ok(When::At(at));
    }
    let (who, what, count) = match words.as_slice() {
        ["step", number, verb @ ("starts" | "ends")] => {
            let number = step(number, names)?;
            let what =
                if *verb == "starts" { Happening::StepStarted(number) } else { Happening::StepEnded(number) };
            (Subject::AnyClient, what, Spread::fixed(1))
        }
        ["it", "has", rest @ ..] => counted(text, Subject::It, None, rest, names)?,
        ["any", "server", "has", rest @ ..] => {
            counted(text, Subject::AnyServer, Some(Side::Server), rest, names)?
        }
        ["any", "client", "has", rest @ ..] => {
            counted(text, Subject::AnyClient, Some(Side::Client), rest, names)?
        }
        ["the", "client", "has", rest @ ..] => {
            let who = the_client(text, names)?;
            counted(text, who, Some(Side::Client), rest, names)?
        }
        [name, "has", rest @ ..] => {
            let side = side_of(name, names)?;
            counted(text, Subject::Host((*name).to_owned()), side, rest, names)?
        }
        _ => return Err(not_understood(text)),
    };
    Ok(When::Event { who, what, count, probability, during })
}

/// Whether servers do what is counted; none for steps.
pub(super) fn server_side(what: Happening) -> Option<bool> {
    COUNTED.iter().find(|counted| counted.what == what).map(|counted| counted.side == Side::Server)
}

/// Writes an event so that `parse` reads it back.
pub(super) fn write_event(who: &Subject, what: Happening, count: u64) -> String {
    match what {
        Happening::StepStarted(step) => return format!("step {step} starts"),
        Happening::StepEnded(step) => return format!("step {step} ends"),
        _ => {}
    }
    let who = match who {
        Subject::It => "it",
        Subject::Host(name) => name,
        Subject::AnyServer => "any server",
        Subject::AnyClient => "any client",
    };
    let counted = COUNTED.iter().find(|counted| counted.what == what);
    let (verb, noun) = counted.map_or(("", ""), |counted| (counted.verb, counted.noun));
    let space = if verb.is_empty() { "" } else { " " };
    let plural = if count == 1 { "" } else { "s" };
    format!("{who} has {verb}{space}{count} {noun}{plural}")
}

fn counted(
    text: &str,
    who: Subject,
    side: Option<Side>,
    rest: &[&str],
    names: &Names,
) -> Result<(Subject, Happening, Spread), Bad> {
    let (verb, count_word, noun) = match rest {
        [verb, count, noun] => (*verb, *count, *noun),
        [count, noun] => ("", *count, *noun),
        _ => return Err(not_understood(text)),
    };
    let singular = noun.strip_suffix('s').unwrap_or(noun);
    let Some(counted) = COUNTED.iter().find(|counted| counted.verb == verb && counted.noun == singular)
    else {
        return Err(not_understood(text));
    };
    if side.is_some_and(|side| side != counted.side) {
        let (label, help) = match counted.side {
            Side::Server => ("only servers do this", "name a server, or write `it` or `any server`"),
            Side::Client => ("only clients do this", "name a client, or write `the client` or `any client`"),
        };
        return Err(Bad::new("this never happens", label).help(help));
    }
    let of_bucket = matches!(&who, Subject::Host(name) if names.bucket && name == BUCKET);
    if of_bucket && !matches!(counted.what, Happening::RequestReceived | Happening::RequestAnswered) {
        let bad = Bad::new("this never happens", "the bucket does not do this");
        return Err(bad.help("it receives and answers requests: \"bucket has answered 3 requests\""));
    }
    let whole = |word: &str| match word {
        "the" | "a" | "one" => Some(1),
        "k" => Some(names.needed),
        _ => word.parse::<u64>().ok().filter(|n| *n > 0),
    };
    let (low, high) = count_word.split_once("..").unwrap_or((count_word, count_word));
    match whole(low).zip(whole(high)) {
        Some((min, max)) if min <= max => Ok((who, counted.what, Spread { min, max, step: 1 })),
        _ => Err(Bad::new(
            format!("`{count_word}` is not a count"),
            "expected a number from 1, `k`, or a range",
        )
        .at(count_word)),
    }
}

fn the_client(text: &str, names: &Names) -> Result<Subject, Bad> {
    match names.clients.as_slice() {
        [only] => Ok(Subject::Host(only.clone())),
        _ if !names.hosts_known => Ok(Subject::AnyClient),
        several => Err(Bad::new("there are several clients", "which one?")
            .at(text)
            .help(format!("write its name ({}) or \"any client\"", several.join(", ")))),
    }
}

fn side_of(name: &str, names: &Names) -> Result<Option<Side>, Bad> {
    let is_bucket = name == BUCKET && names.bucket;
    if is_bucket || names.servers.iter().any(|server| server == name) {
        return Ok(Some(Side::Server));
    }
    if names.clients.iter().any(|client| client == name) {
        return Ok(Some(Side::Client));
    }
    if !names.hosts_known {
        return Ok(None);
    }
    let known = ["it", "any server", "any client"].into_iter();
    let known =
        known.chain(names.clients.iter().map(String::as_str)).chain(names.servers.iter().map(String::as_str));
    Err(Bad::new(format!("there is no server or client called `{name}`"), "names nobody")
        .at(name)
        .help(suggest(name, "subjects", known)))
}

/// Reads `step 2`; anything else is `not_understood`.
pub(super) fn step_name(text: &str, names: &Names, not_understood: impl FnOnce() -> Bad) -> Result<u64, Bad> {
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["step", number] => step(number, names),
        _ => Err(not_understood()),
    }
}

/// The number of a step.
fn step(number: &str, names: &Names) -> Result<u64, Bad> {
    let steps = names.steps;
    number.parse::<u64>().ok().filter(|n| (1..=steps).contains(n)).ok_or_else(|| {
        Bad::new(format!("there is no step `{number}`"), format!("the steps are 1 to {steps}")).at(number)
    })
}

pub(super) fn probability(chance: &str) -> Result<f64, Bad> {
    let value = chance.trim().parse::<f64>().ok().filter(|p| *p > 0.0 && *p <= 1.0);
    value.ok_or_else(|| {
        Bad::new("this is not a probability", "expected a number above 0 and at most 1").at(chance)
    })
}

/// Names the forms that look most like the phrase.
fn not_understood(text: &str) -> Bad {
    let mut forms: Vec<&str> = FORMS.to_vec();
    let start = &text[..text.floor_char_boundary(64)];
    forms.sort_by(|a, b| {
        let likeness = |form: &str| strsim::sorensen_dice(start, form);
        likeness(b).total_cmp(&likeness(a))
    });
    let bad = Bad::new("this time or event is not understood", "not a form it can take");
    let near = forms.iter().take(3).map(|form| format!("\"{form}\"")).collect::<Vec<_>>().join(", ");
    let words = ["served", "received", "answered", "taken", "found", "finished", "starts", "ends"];
    let typo = text
        .split_whitespace()
        .filter(|word| !words.contains(word))
        .find_map(|word| closest(word, words).map(|near| format!("did you mean `{near}`? ")));
    bad.help(format!("{}the closest forms are {near}", typo.unwrap_or_default()))
}
