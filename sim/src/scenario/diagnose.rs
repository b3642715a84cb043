//! Mistakes in a scenario file: collected while reading, rendered with the line they are on. Finds none itself.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// So many mistakes are shown in full; the rest is counted.
const SHOWN_MAX: usize = 40;

/// All mistakes of one file and its base, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.render(false))]
pub struct Diagnostics {
    path: String,
    problems: Vec<Problem>,
    files: Vec<Source>,
}

/// A file that mistakes can be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in: the one that was read, or its base.
    pub path: String,
    /// What is wrong, in one line.
    pub title: String,
    /// The bytes of the file it is about; none when the file could not be read.
    pub span: Option<Range<usize>>,
    /// What is said under these bytes.
    pub label: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// What is wrong with a value, said by a parser that does not know where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad {
    title: String,
    label: String,
    help: Option<String>,
    /// Where the wrong part of the text begins in memory, and its length; none means all of it.
    part: Option<(usize, usize)>,
    /// The bytes within the value.
    at: Option<Range<usize>>,
}

impl Bad {
    pub(super) fn new(title: impl Into<String>, label: impl Into<String>) -> Self {
        Self { title: title.into(), label: label.into(), help: None, part: None, at: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Narrows the mistake to a slice of the text that was parsed.
    pub(super) fn at(mut self, part: &str) -> Self {
        self.part = Some((part.as_ptr() as usize, part.len()));
        self
    }

    /// Turns the slice into a range of `text`, if it is one of it.
    pub(super) fn within(mut self, text: &str) -> Self {
        self.at = self.part.and_then(|(start, len)| {
            let start = start.checked_sub(text.as_ptr() as usize)?;
            (len > 0 && start.checked_add(len)? <= text.len()).then(|| start..start + len)
        });
        self
    }
}

/// The mistakes found so far.
#[derive(Debug)]
pub(super) struct Report<'a> {
    source: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, problems: Vec::new() }
    }

    /// Records what a parser said about the value at `span`.
    pub(super) fn bad(&mut self, span: Range<usize>, bad: Bad) {
        let span = match bad.at {
            Some(at) if self.quoted_verbatim(&span, &at) => {
                span.start + 1 + at.start..span.start + 1 + at.end
            }
            _ => span,
        };
        let title = shorten(bad.title);
        self.problems.push(Problem {
            path: String::new(),
            title,
            span: Some(span),
            label: bad.label,
            help: bad.help,
        });
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Whether the string at `span` stands in the file letter by letter, one quote before it.
    fn quoted_verbatim(&self, span: &Range<usize>, at: &Range<usize>) -> bool {
        let Some(raw) = self.source.get(span.clone()) else { return false };
        let plain =
            raw.len() >= 2 && !raw.contains('\\') && !raw.starts_with("\"\"\"") && !raw.starts_with("'''");
        plain && (raw.starts_with('"') || raw.starts_with('\'')) && at.end + 2 <= raw.len()
    }
}

impl Diagnostics {
    /// `files` is what was read, and its base if it has one. Spans are those of both texts with a line end between.
    pub(super) fn new(files: Vec<Source>, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|p| p.span.as_ref().map_or(0, |s| s.start));
        for problem in &mut problems {
            let mut start = 0;
            for file in &files {
                let past = start + file.text.len() + 1;
                let at = problem.span.as_ref().map_or(0, |span| span.start);
                if (start..past).contains(&at) {
                    problem.path.clone_from(&file.path);
                    problem.span = problem.span.take().map(|span| span.start - start..span.end - start);
                    break;
                }
                start = past;
            }
        }
        let path = files.first().map(|file| file.path.clone()).unwrap_or_default();
        Self { path, problems, files }
    }

    /// A file that could not be read at all.
    pub(super) fn unreadable(path: &str, title: String, help: Option<String>) -> Self {
        let file = Source { path: path.to_owned(), text: String::new() };
        let problem = Problem { path: path.to_owned(), title, span: None, label: String::new(), help };
        Self::new(vec![file], vec![problem])
    }

    /// The mistakes, in the order of the file; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Line and column of a mistake, both from 1, the column in characters; none when the file could not be read.
    pub fn place(&self, problem: &Problem) -> Option<(usize, usize)> {
        let text = &self.files.iter().find(|file| file.path == problem.path)?.text;
        let before = &text[..clamp(text, problem.span.as_ref()?).start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }

    /// All mistakes as text for people, each with file, line, column and the line underlined.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for problem in self.problems.iter().take(SHOWN_MAX) {
            let title = Level::ERROR.primary_title(&problem.title);
            let mut group = match &problem.span {
                Some(span) => {
                    let file = self.files.iter().find(|file| file.path == problem.path);
                    let text = file.map_or("", |file| &file.text);
                    let mut mark = AnnotationKind::Primary.span(clamp(text, span));
                    if !problem.label.is_empty() {
                        mark = mark.label(&problem.label);
                    }
                    title.element(Snippet::source(text).path(&problem.path).annotation(mark))
                }
                None => title.element(annotate_snippets::Origin::path(&self.path)),
            };
            if let Some(help) = &problem.help {
                group = group.element(Level::HELP.message(help));
            }
            text.push_str(&renderer.render(&[group]));
            text.push_str("\n\n");
        }
        let hidden = self.problems.len().saturating_sub(SHOWN_MAX);
        if hidden > 0 {
            text.push_str(&format!("and {hidden} more in {}\n\n", self.path));
        }
        let plural = if self.problems.len() == 1 { "mistake" } else { "mistakes" };
        text.push_str(&format!("{}: {} {plural}\n", self.path, self.problems.len()));
        text
    }
}

/// The nearest range that lies within the text and on borders of characters.
fn clamp(source: &str, span: &Range<usize>) -> Range<usize> {
    let start = source.floor_char_boundary(span.start);
    let end = source.ceil_char_boundary(span.end.max(start));
    start..end
}

/// Titles quote what is in the file, which can be long.
fn shorten(title: String) -> String {
    const CHARS_MAX: usize = 160;
    match title.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}...", &title[..end]),
        None => title,
    }
}

/// The candidate that was probably meant by `word`.
pub(super) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const WORD_BYTES_MAX: usize = 64;
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean" and the known names, for a word that is none of them.
pub(crate) fn suggest<'a>(word: &str, kind: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    const LISTED_MAX: usize = 24;
    let count = known.clone().count();
    if count == 0 {
        return format!("there are no {kind}");
    }
    let mut list = known.clone().take(LISTED_MAX).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if count > LISTED_MAX {
        list.push_str(&format!(" and {} more", count - LISTED_MAX));
    }
    match closest(word, known) {
        Some(near) => format!("did you mean `{near}`? the {kind} are {list}"),
        None => format!("the {kind} are {list}"),
    }
}
