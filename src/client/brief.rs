//! Errors in one line: what failed, where, and whether trying again helps.
//!
//! The errors themselves tell of every server, a line for each. This is for whoever has room for one line, and for programs
//! that have to decide whether to try again. Nothing is tried here.

use super::directory::{ChangeDirectoryError, CreateDirectoryError, ListError};
use super::download::{self, Answer, DownloadError, ShareState};
use super::mutable::{self, Holding, ModifyError, NotWritten, PublishError, RetrieveError};
use super::upload::UploadError;
use crate::net::client::RequestError;
use crate::plan::place::Outcome;

/// An error that can be told in one line.
pub trait Brief: std::error::Error {
    /// Whether the same may succeed a little later: servers, or other writers, were in the way.
    fn may_pass(&self) -> bool;

    /// The first server that failed, and how; and how many more did.
    fn culprit(&self) -> Option<(String, usize)>;

    /// What failed, where, and whether trying again helps.
    fn in_one_line(&self) -> String {
        let told = self.to_string();
        let first = told.lines().next().unwrap_or_default().trim_end_matches(':');
        let culprit = match self.culprit() {
            // It is there already.
            Some((text, _)) if first.contains(&text) => String::new(),
            Some((text, 0)) => format!(": {text}"),
            Some((text, others)) => format!(": {text}; and {others} more"),
            None => String::new(),
        };
        let line = format!("{first}{culprit}");
        match (line.contains("; trying again"), self.may_pass()) {
            (true, _) => line,
            (false, true) => format!("{line}; trying again may help"),
            (false, false) => format!("{line}; trying again does not help"),
        }
    }
}

impl RequestError {
    /// Whether the same request may be answered later: nobody said that it never will be.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Lost(_) | Self::Silent(_) | Self::Malformed(_) => true,
            Self::Trouble(trouble) => trouble.may_pass,
            Self::Status(status) => *status >= 500 || matches!(status, 408 | 429),
        }
    }
}

/// The first of several, in words, and how many more there are.
fn first(mut culprits: impl Iterator<Item = String>) -> Option<(String, usize)> {
    let first = culprits.next()?;
    Some((first, culprits.count()))
}

impl Brief for DownloadError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(shortage) => shortage.servers.iter().any(|report| {
                let answer = match &report.answer {
                    Answer::NotAsked | Answer::Silent => true,
                    Answer::Failed(error) => error.may_pass(),
                    Answer::Given => false,
                };
                answer
                    || report.shares.iter().any(|(_, state)| match state {
                        ShareState::Silent => true,
                        ShareState::Failed(error) => error.may_pass(),
                        ShareState::Good | ShareState::Corrupt(_) => false,
                    })
            }),
            Self::Deadline(_) => true,
            Self::NoShares(_)
            | Self::NotEnoughShares(_)
            | Self::Inconsistent { .. }
            | Self::Sink(_)
            | Self::BadRange { .. } => false,
        }
    }

    fn culprit(&self) -> Option<(String, usize)> {
        let (Self::NoShares(shortage)
        | Self::NotEnoughShares(shortage)
        | Self::Unreachable(shortage)
        | Self::Deadline(shortage)) = self
        else {
            return None;
        };
        first(shortage.servers.iter().filter_map(of_download))
    }
}

/// What is wrong with a server of a download.
fn of_download(report: &download::ServerReport) -> Option<String> {
    let server = &report.server;
    match &report.answer {
        Answer::Failed(error) => return Some(format!("{server}: {error}")),
        Answer::Silent => return Some(format!("{server} did not answer")),
        Answer::NotAsked | Answer::Given => {}
    }
    report.shares.iter().find_map(|(share, state)| match state {
        ShareState::Good => None,
        ShareState::Corrupt(flaw) => Some(format!("{server}: share {share} is corrupt ({flaw})")),
        ShareState::Silent => Some(format!("{server}: share {share} was not served in time")),
        ShareState::Failed(error) => Some(format!("{server}: share {share}: {error}")),
    })
}

impl Brief for RetrieveError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(missing) => missing.servers.iter().any(|report| match &report.holding {
                Holding::NotAsked | Holding::Silent => true,
                Holding::Failed(error) => error.may_pass(),
                Holding::Answered => false,
            }),
            Self::Changing(_) | Self::Deadline(_) => true,
            Self::NoShares(_)
            | Self::NotEnoughShares(_)
            | Self::Inconsistent { .. }
            | Self::TooLong { .. }
            | Self::Sink(_) => false,
        }
    }

    fn culprit(&self) -> Option<(String, usize)> {
        let (Self::NoShares(missing) | Self::NotEnoughShares(missing) | Self::Unreachable(missing)) = self
        else {
            return None;
        };
        first(missing.servers.iter().filter_map(of_retrieve))
    }
}

/// What is wrong with a server of a mutable file.
fn of_retrieve(report: &mutable::ServerReport) -> Option<String> {
    let server = &report.server;
    match &report.holding {
        Holding::Failed(error) => return Some(format!("{server}: {error}")),
        Holding::Silent => return Some(format!("{server} did not answer")),
        Holding::NotAsked | Holding::Answered => {}
    }
    report.shares.iter().find_map(|(share, what)| match what {
        mutable::ShareReport::Version(_) => None,
        mutable::ShareReport::Bad(reason) => Some(format!("{server}: share {share} is bad ({reason})")),
    })
}

impl Brief for PublishError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Uncoordinated { .. } | Self::Deadline(_) => true,
            Self::NotEnoughServers { failures, .. } => {
                failures.is_empty() || failures.iter().any(|(.., why)| why.may_pass())
            }
            Self::Unreadable(error) => error.may_pass(),
            Self::NoPrivateKey(error) => error.is_none(),
            Self::Encode(_) | Self::Mdmf | Self::Happy { .. } | Self::TooLong { .. } => false,
        }
    }

    fn culprit(&self) -> Option<(String, usize)> {
        match self {
            Self::NotEnoughServers { failures, .. } => {
                first(failures.iter().map(|(server, share, why)| format!("{server}, share {share}: {why}")))
            }
            Self::Unreadable(error) => error.culprit(),
            _ => None,
        }
    }
}

impl NotWritten {
    /// Whether the server may take the share later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Failed(error) => error.may_pass(),
            Self::Late => true,
        }
    }
}

impl<E: std::error::Error> Brief for ModifyError<E> {
    fn may_pass(&self) -> bool {
        match self {
            Self::Change(_) => false,
            Self::Retrieve(error) => error.may_pass(),
            Self::Publish(error) => error.may_pass(),
        }
    }

    fn culprit(&self) -> Option<(String, usize)> {
        match self {
            Self::Change(_) => None,
            Self::Retrieve(error) => error.culprit(),
            Self::Publish(error) => error.culprit(),
        }
    }
}

impl Brief for UploadError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unhappy(unhappy) => {
                let unwell = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Silent(_));
                unhappy.servers.iter().any(|(_, outcome)| unwell(outcome))
            }
            Self::Deadline(_) | Self::SourceChanged { .. } | Self::SourceDiffers => true,
            Self::Source(_)
            | Self::Happy { .. }
            | Self::Segmentation(_)
            | Self::SegmentTooLong(_)
            | Self::Coding(_)
            | Self::Hashes(_) => false,
        }
    }

    /// The message names the last one.
    fn culprit(&self) -> Option<(String, usize)> {
        None
    }
}

impl Brief for ListError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Retrieve(error) => error.may_pass(),
            Self::Download(error) => error.may_pass(),
            Self::VerifyOnly | Self::Damaged(_) | Self::TooLong { .. } => false,
        }
    }

    fn culprit(&self) -> Option<(String, usize)> {
        match self {
            Self::Retrieve(error) => error.culprit(),
            Self::Download(error) => error.culprit(),
            Self::VerifyOnly | Self::Damaged(_) | Self::TooLong { .. } => None,
        }
    }
}

impl Brief for CreateDirectoryError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Publish(error) if error.may_pass())
    }

    fn culprit(&self) -> Option<(String, usize)> {
        if let Self::Publish(error) = self { error.culprit() } else { None }
    }
}

impl Brief for ChangeDirectoryError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Retrieve(error) => error.may_pass(),
            Self::Publish(error) => error.may_pass(),
            Self::ReadOnly | Self::Conflict(_) | Self::Damaged(_) | Self::Pack(_) => false,
        }
    }

    fn culprit(&self) -> Option<(String, usize)> {
        match self {
            Self::Retrieve(error) => error.culprit(),
            Self::Publish(error) => error.culprit(),
            Self::ReadOnly | Self::Conflict(_) | Self::Damaged(_) | Self::Pack(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::format::{Encoding, ServerId, ShareNum};
    use crate::net::message::Trouble;

    fn trouble(operation: &str, may_pass: bool) -> RequestError {
        RequestError::Trouble(Box::new(Trouble {
            status: Some(if may_pass { 500 } else { 403 }),
            code: Some(if may_pass { "InternalError" } else { "AccessDenied" }.to_owned()),
            request_id: Some("4442587FB7D0A2F9".to_owned()),
            attempts: 2,
            may_pass,
            ..Trouble::new("S3", operation)
        }))
    }

    fn report(server: &str, holding: Holding) -> mutable::ServerReport {
        mutable::ServerReport { server: ServerId::new(server), holding, shares: Vec::new() }
    }

    fn unreachable(servers: Vec<mutable::ServerReport>) -> RetrieveError {
        RetrieveError::Unreachable(mutable::Missing { versions: Vec::new(), servers })
    }

    #[test]
    fn one_line_says_what_failed_where_and_whether_to_try_again() {
        let written = |why| PublishError::NotEnoughServers {
            placed: 0,
            needed: 1,
            failures: vec![(ServerId::new("s0"), ShareNum(0), why)],
        };
        let download = DownloadError::NotEnoughShares(download::Shortage {
            found: 0,
            needed: 1,
            encoding: Encoding::new(1, 1).unwrap(),
            servers: vec![download::ServerReport {
                server: ServerId::new("s0"),
                answer: Answer::Given,
                shares: vec![(ShareNum(0), ShareState::Failed(RequestError::Status(404)))],
            }],
        });
        let refused = || Holding::Failed(RequestError::Connect(io::ErrorKind::ConnectionRefused));
        let lines = [
            written(NotWritten::Failed(trouble("PUT", true))).in_one_line(),
            written(NotWritten::Failed(trouble("PUT", false))).in_one_line(),
            written(NotWritten::Late).in_one_line(),
            unreachable(vec![report("s0", Holding::Failed(trouble("GET", true)))]).in_one_line(),
            unreachable(vec![report("s0", refused()), report("s1", Holding::Silent)]).in_one_line(),
            PublishError::from(unreachable(vec![report("s0", refused())])).in_one_line(),
            download.in_one_line(),
            PublishError::Uncoordinated { attempts: 8, found: None }.in_one_line(),
        ];
        assert!(lines.iter().all(|line| !line.contains('\n')));
        insta::assert_snapshot!(lines.join("\n"));
    }
}
