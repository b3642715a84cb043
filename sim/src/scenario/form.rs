//! The forms a value can have, in words and with examples. Parses nothing.

use super::keys::Table;

/// How a value is written.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// One line of text.
    Line,
    /// A whole number.
    Integer,
    /// true or false.
    Flag,
    /// A duration.
    Duration,
    /// A duration or a range of which the seed chooses.
    Durations,
    /// A duration or a range of which each message chooses.
    Latency,
    /// A size.
    Size,
    /// A size or a range of which the seed chooses.
    Sizes,
    /// A rate, a range of which the seed chooses, or `unlimited`.
    Rate,
    /// k-of-N.
    Encoding,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number of hosts, or their names.
    Hosts,
    /// The name of a file.
    FileName,
    /// The name of a tree.
    TreeName,
    /// The name of a client.
    ClientName,
    /// The name of a server.
    ServerName,
    /// Servers (or clients), by name or by what they hold.
    Selector,
    /// Servers (or clients), or groups of them.
    SelectorOrGroups,
    /// Shares of a file.
    Shares,
    /// Numbers of shares.
    Numbers,
    /// What a share is replaced by.
    Substitute,
    /// A step.
    Step,
    /// A part of a share.
    Part,
    /// Who has which shares: a table of numbers by server.
    Layout,
    /// A time or an event with a count.
    Trigger,
    /// What is wrong with an answer.
    Answer,
    /// Which requests of many.
    Which,
    /// A jump of a clock, or a range of which the seed chooses.
    Jump,
    /// A part of a file.
    ByteRange,
    /// A number, or a bound on one.
    Bound,
    /// A percentage.
    Percent,
    /// A multiple.
    Multiple,
    /// A number from 0 to 1.
    Chance,
    /// A bound on a share of all operations.
    Ratio,
    /// A bound on a quantile of durations, or several.
    Quantiles,
    /// The path of a file.
    Path,
    /// Lists of values by the path of their key.
    Matrix,
    /// One table.
    Table(&'static Table),
    /// A list of tables.
    Tables(&'static Table),
    /// Tables by name.
    Named(&'static Table),
}

impl Form {
    /// The form in words, with an example as it stands in a file.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Line => ("a line of text", "\"...\""),
            Self::Integer => ("a whole number", "16"),
            Self::Flag => ("true or false", "true"),
            Self::Duration => ("a duration", "\"30s\""),
            Self::Durations => ("a duration or a range of durations", "\"1s..5s\""),
            Self::Latency => ("a duration or a range of durations", "\"5ms..20ms\""),
            Self::Size => ("a size", "\"4 MiB\""),
            Self::Sizes => ("a size or a range of sizes", "\"4 MiB\""),
            Self::Rate => ("a rate or \"unlimited\"", "\"10 MiB/s\""),
            Self::Encoding => ("an encoding", "\"3-of-10\""),
            Self::Choice(_) => ("one of a few words", "\"...\""),
            Self::Hosts => ("a number, or a list of names", "10"),
            Self::FileName => ("the name of a file", "\"movie\""),
            Self::TreeName => ("the name of a tree", "\"home\""),
            Self::ClientName => ("the name of a client", "\"client\""),
            Self::ServerName => ("the name of a server", "\"s3\""),
            Self::Selector => ("a selector of servers", "\"any 3 of s2..s9\""),
            Self::SelectorOrGroups => {
                ("a selector, or a list of groups", "[[\"c0\", \"s0..s4\"], [\"c1\", \"s5..s9\"]]")
            }
            Self::Numbers => ("a share number or several", "\"1..9\""),
            Self::Substitute => ("what a share is replaced by", "\"truncated to 50%\""),
            Self::Step => ("a step", "\"step 2\""),
            Self::Shares => ("shares of a file", "\"share 2 of movie\""),
            Self::Part => ("a part of a share", "\"block 0\""),
            Self::Layout => ("a table of share numbers by server", "{ s0 = \"1..9\", s1 = \"0\" }"),
            Self::Trigger => ("a time or an event", "\"it has served 2 blocks\""),
            Self::Answer => ("a status or a fault of the body", "\"500\""),
            Self::Which => ("a choice of requests", "\"the first 2\""),
            Self::Jump => ("a duration with a sign", "\"+3d\""),
            Self::ByteRange => ("a range of bytes", "\"100..200 B\""),
            Self::Bound => ("a number or a bound", "\">= 9\""),
            Self::Percent => ("a percentage", "\"120%\""),
            Self::Multiple => ("a multiple", "\"4x\""),
            Self::Chance => ("a number from 0 to 1", "0.25"),
            Self::Ratio => ("a bound on a share", "\"<= 2 of 1000\""),
            Self::Quantiles => ("a bound on a quantile, or a list of them", "\"p99 <= 2s\""),
            Self::Path => ("the path of a file", "\"../base/wan.toml\""),
            Self::Matrix => ("lists of values by key", "{ \"grid.encoding\" = [\"3-of-10\", \"1-of-1\"] }"),
            Self::Table(_) => ("a table", "{ }"),
            Self::Tables(_) => ("a list of tables", "[{ }]"),
            Self::Named(_) => ("tables by name", "{ name = { } }"),
        }
    }

    /// The unit that a bare number probably meant.
    pub(super) fn unit(self) -> Option<&'static str> {
        match self {
            Self::Duration | Self::Durations => Some("s"),
            Self::Latency => Some("ms"),
            Self::Size | Self::Sizes => Some(" B"),
            Self::Rate => Some(" B/s"),
            Self::Percent => Some("%"),
            Self::Multiple => Some("x"),
            Self::ByteRange
            | Self::Trigger
            | Self::Answer
            | Self::Which
            | Self::Jump
            | Self::Line
            | Self::Integer
            | Self::Flag
            | Self::Encoding
            | Self::Choice(_)
            | Self::Hosts
            | Self::FileName
            | Self::TreeName
            | Self::ClientName
            | Self::ServerName
            | Self::Selector
            | Self::SelectorOrGroups
            | Self::Numbers
            | Self::Substitute
            | Self::Step
            | Self::Shares
            | Self::Part
            | Self::Layout
            | Self::Bound
            | Self::Chance
            | Self::Ratio
            | Self::Quantiles
            | Self::Path
            | Self::Matrix
            | Self::Table(_)
            | Self::Tables(_)
            | Self::Named(_) => None,
        }
    }
}
