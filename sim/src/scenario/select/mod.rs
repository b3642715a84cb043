//! Phrases that name servers, clients, shares and parts of shares. Draws nothing: `resolve` does.

mod files;
mod numbers;
mod shares;

pub(super) use self::shares::{PART_FORMS, SHARE_FORMS};

use toml::de::DeValue;

use super::diagnose::{Bad, Report, suggest};
use super::section::Section;
use super::units::Spread;
use crate::schedule::{BUCKET, MutableAct};

pub(super) use numbers::write_numbers;

/// The names that phrases may use.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) servers: Vec<String>,
    pub(super) clients: Vec<String>,
    pub(super) files: Vec<(String, Spread)>,
    /// Those of the files that are mutable.
    pub(super) mutable: Vec<String>,
    /// Those of them that are directories.
    pub(super) directories: Vec<String>,
    /// Trees by name.
    pub(super) trees: Vec<String>,
    /// Other steps that a client does, from 1.
    pub(super) others: Vec<u64>,
    /// N.
    pub(super) shares: u64,
    /// k.
    pub(super) needed: u64,
    pub(super) steps: u64,
    /// Which file each step uploads, from 1.
    pub(super) uploads: Vec<(String, u64)>,
    /// Which mutable file each step is on, from 1, and what it does.
    pub(super) mutable_steps: Vec<(String, u64, MutableAct)>,
    /// Which steps download, from 1.
    pub(super) downloads: Vec<u64>,
    /// For each step the first of those that begin together with it.
    pub(super) begins_with: Vec<u64>,
    pub(super) segment: u64,
    /// Whether the hosts could be read; if not, their names are not checked.
    pub(super) hosts_known: bool,
    /// Whether there is a bucket.
    pub(super) bucket: bool,
}

/// Whom a selector may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Servers,
    /// Also the bucket, where shares are kept in S3.
    ServersAndBucket,
    /// All hosts.
    ServersAndClients,
}

/// A selector before the seed has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    /// Some by name, and so many out of others.
    Hosts { named: Vec<String>, any: Vec<(usize, Vec<String>)> },
    /// Whoever holds shares of a file.
    Holders { file: String, share: Option<u8>, version: Option<u64>, count: Option<usize> },
}

/// Shares before the seed has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shares {
    pub(super) file: String,
    pub(super) pick: SharePick,
}

/// Which share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SharePick {
    All,
    Number(u8),
    /// The seed chooses one.
    Drawn,
}

/// What a selector can look like, as it stands in a file.
pub(super) const FORMS: &[&str] = &[
    "\"s3\"",
    "[\"s3\", \"s4\"]",
    "\"s3..s9\"",
    "\"all\"",
    "\"all but s1\"",
    "\"any 3\"",
    "\"any 3 of s2..s9\"",
    "\"holders of movie\"",
    "\"any 1 holder of movie\"",
    "\"holder of share 5 of movie\"",
    "\"holders of version 2 of notes\"",
];

fn forms() -> String {
    let (last, rest) = FORMS.split_last().unwrap_or((&"", &[]));
    format!("a selector is {} or {last}", rest.join(", "))
}

/// So many phrases with `any` in one list.
const ANY_MAX: usize = 16;

impl Names {
    /// Reads the selector at `key`: a phrase or a list of phrases.
    pub(super) fn selector(
        &self,
        section: &Section<'_>,
        key: &str,
        scope: Scope,
        report: &mut Report<'_>,
    ) -> Option<Selector> {
        let Some(field) = section.field(key) else {
            return section.read(key, report, |text| self.phrase(text, scope));
        };
        let DeValue::Array(items) = field.value else {
            return section.read(key, report, |text| self.phrase(text, scope));
        };
        let (mut all, mut any_all): (Vec<String>, Vec<_>) = (Vec::new(), Vec::new());
        let mut good = true;
        for item in items.iter() {
            let parsed = match item.get_ref().as_str() {
                Some(text) => self.phrase(text, scope).map_err(|bad| bad.within(text)),
                None => Err(field.wrong_type()),
            };
            match parsed {
                Ok(Selector::Hosts { named, any }) => {
                    for name in named {
                        if !all.contains(&name) {
                            all.push(name);
                        }
                    }
                    any_all.extend(any);
                }
                Ok(Selector::Holders { .. }) => {
                    let bad = Bad::new("holders within a list", "known only when the fault begins");
                    report.bad(
                        item.span(),
                        bad.help("a selector of holders stands alone; write a second fault"),
                    );
                    good = false;
                }
                Err(bad) => {
                    report.bad(item.span(), bad);
                    good = false;
                }
            }
        }
        if items.is_empty() {
            report.bad(field.span, Bad::new("an empty selector", "names nobody").help(forms()));
            return None;
        }
        if any_all.len() > ANY_MAX {
            let bad = Bad::new("a selector that chooses too often", format!("at most {ANY_MAX} times"));
            report.bad(field.span, bad);
            return None;
        }
        good.then_some(Selector::Hosts { named: all, any: any_all })
    }

    /// Reads groups of hosts: a list of lists of names. Nobody is in two.
    pub(super) fn groups(
        &self,
        section: &Section<'_>,
        key: &str,
        report: &mut Report<'_>,
    ) -> Option<Vec<Vec<String>>> {
        let field = section.field(key)?;
        let (mut groups, mut good): (Vec<Vec<String>>, bool) = (Vec::new(), true);
        for item in field.value.as_array().into_iter().flat_map(|items| items.iter()) {
            let mut group: Vec<String> = Vec::new();
            let Some(names) = item.get_ref().as_array() else {
                report.bad(item.span(), Bad::new("a group is a list", "put brackets around it"));
                good = false;
                continue;
            };
            for name in names.iter() {
                let hosts = match name.get_ref().as_str() {
                    Some(text) => self.hosts(text, Scope::ServersAndClients).map_err(|bad| bad.within(text)),
                    None => Err(Bad::new("a group is a list of names", "names nobody")),
                };
                let hosts = hosts.and_then(|hosts| {
                    match hosts.iter().find(|host| groups.iter().any(|other| other.contains(host))) {
                        Some(twice) => {
                            Err(Bad::new(format!("`{twice}` is in two groups"), "it is in one already"))
                        }
                        None => Ok(hosts),
                    }
                });
                match hosts {
                    Ok(hosts) => {
                        let new = hosts.into_iter().filter(|host| !group.contains(host));
                        let new: Vec<String> = new.collect();
                        group.extend(new);
                    }
                    Err(bad) => {
                        report.bad(name.span(), bad);
                        good = false;
                    }
                }
            }
            if group.is_empty() && good {
                report.bad(item.span(), Bad::new("an empty group", "names nobody"));
                good = false;
            }
            groups.push(group);
        }
        if groups.len() < 2 && good {
            let bad = Bad::new("a single group", "cut off from nobody");
            report.bad(field.span, bad.help("hosts in no group talk to everybody; name the other side too"));
            good = false;
        }
        good.then_some(groups)
    }

    fn phrase(&self, text: &str, scope: Scope) -> Result<Selector, Bad> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [] => Err(Bad::new("an empty selector", "names nobody").help(forms())),
            ["any", count, rest @ ..] => {
                let count = count.parse::<usize>().ok().filter(|n| *n > 0).ok_or_else(|| {
                    Bad::new(format!("`{count}` is not a number of servers"), "expected a number, at least 1")
                        .at(count)
                        .help(forms())
                })?;
                match rest {
                    [] => self.any(count, self.servers.clone()),
                    ["of", first, ..] => self.any(count, self.hosts(from_word(text, first), scope)?),
                    ["holder" | "holders", "of", holders @ ..] => self.holders(holders, Some(count)),
                    [word, ..] => Err(Bad::new(
                        format!("`{word}` is not understood here"),
                        "expected `of` or `holders of`",
                    )
                    .at(word)
                    .help(forms())),
                }
            }
            ["holder" | "holders", "of", rest @ ..] => self.holders(rest, None),
            _ => Ok(Selector::Hosts { named: self.hosts(text, scope)?, any: Vec::new() }),
        }
    }

    fn any(&self, count: usize, of: Vec<String>) -> Result<Selector, Bad> {
        if self.hosts_known && count > of.len() {
            let title = format!("any {count} of only {}", of.len());
            return Err(Bad::new(title, "not so many to choose from"));
        }
        Ok(Selector::Hosts { named: Vec::new(), any: vec![(count, of)] })
    }

    fn holders(&self, words: &[&str], count: Option<usize>) -> Result<Selector, Bad> {
        let (share, rest) = match words {
            ["share", number, "of", rest @ ..] => (Some(self.share_number(number)?), rest),
            rest => (None, rest),
        };
        let (version, file) = match rest {
            ["version", number, "of", file] => (Some(*number), file),
            [file] => (None, file),
            _ => {
                return Err(
                    Bad::new("holders of what?", "expected a file, or `share 5 of` a file").help(forms())
                );
            }
        };
        self.shared_file(file)?;
        let version = version.map(|number| self.version(number, file)).transpose()?;
        Ok(Selector::Holders { file: (*file).to_owned(), share, version, count })
    }

    /// `all`, `all but` a list, or a list.
    fn hosts(&self, text: &str, scope: Scope) -> Result<Vec<String>, Bad> {
        let text = text.trim();
        if text == "all" {
            return Ok(self.servers.clone());
        }
        if let Some(rest) = text.strip_prefix("all but ") {
            let but = self.listed(rest, scope)?;
            let left: Vec<String> = self.servers.iter().filter(|s| !but.contains(s)).cloned().collect();
            if left.is_empty() && self.hosts_known {
                return Err(Bad::new("all but everybody", "nobody is left").at(text));
            }
            return Ok(left);
        }
        self.listed(text, scope)
    }

    /// Names and ranges of names, with commas or `and` between them.
    fn listed(&self, text: &str, scope: Scope) -> Result<Vec<String>, Bad> {
        let mut named: Vec<String> = Vec::new();
        for part in text.split(',').flat_map(|part| part.split(" and ")) {
            let part = part.trim();
            let range = match part.split_once("..") {
                Some((first, last)) => self.server_range(part, first.trim(), last.trim())?,
                None => vec![self.host(part, scope)?],
            };
            for name in range {
                if !named.contains(&name) {
                    named.push(name);
                }
            }
        }
        Ok(named)
    }

    fn server_range(&self, part: &str, first: &str, last: &str) -> Result<Vec<String>, Bad> {
        let first = self.host(first, Scope::Servers)?;
        let last = self.host(last, Scope::Servers)?;
        let place = |name: &str| self.servers.iter().position(|server| server == name);
        match place(&first).zip(place(&last)) {
            Some((from, to)) if from <= to => Ok(self.servers[from..=to].to_vec()),
            Some(_) => Err(Bad::new("a range that ends before it begins", "the earlier server comes first")
                .at(part)
                .help(format!("write \"{last}..{first}\""))),
            None => Ok(vec![first, last]),
        }
    }

    fn host(&self, name: &str, scope: Scope) -> Result<String, Bad> {
        if name == BUCKET && self.bucket {
            if scope != Scope::Servers {
                return Ok(name.to_owned());
            }
            let bad = Bad::new(format!("`{name}` is no storage server"), "only servers make sense here");
            return Err(bad
                .at(name)
                .help("it keeps their shares; faults of programs, links and answers strike it"));
        }
        let client = self.clients.iter().any(|client| client == name);
        if client && scope != Scope::ServersAndClients && self.hosts_known {
            let bad = Bad::new(format!("`{name}` is a client"), "only servers make sense here");
            return Err(bad.at(name).help(suggest("", "servers", self.server_names())));
        }
        if client
            || self.servers.iter().any(|server| server == name)
            || (!self.hosts_known && !name.is_empty())
        {
            return Ok(name.to_owned());
        }
        let kind = match scope {
            Scope::Servers | Scope::ServersAndBucket => "servers",
            Scope::ServersAndClients => "servers and clients",
        };
        let clients = self.clients.iter().map(String::as_str).filter(|_| scope == Scope::ServersAndClients);
        let known = clients.chain(self.server_names());
        let bad = Bad::new(format!("there is no server called `{name}`"), "names nobody").at(name);
        if name.contains(' ') {
            return Err(Bad::new("this selector is not understood", "not a form it can take").help(forms()));
        }
        if name == BUCKET {
            return Err(bad.help("only where shares are kept in S3: add storage = \"s3\" to [grid]"));
        }
        Err(bad.help(suggest(name, kind, known)))
    }

    fn server_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.servers.iter().map(String::as_str)
    }

    /// A client by name.
    pub(super) fn client(&self, text: &str) -> Result<String, Bad> {
        if !self.hosts_known || self.clients.iter().any(|client| client == text) {
            return Ok(text.to_owned());
        }
        let known = self.clients.iter().map(String::as_str);
        Err(Bad::new(format!("there is no client called `{text}`"), "names nobody")
            .help(suggest(text, "clients", known)))
    }
}

/// The rest of `text` from `word` on, which is a slice of it.
fn from_word<'t>(text: &'t str, word: &str) -> &'t str {
    let start = (word.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    text.get(start..).unwrap_or(text)
}
