//! The keys of a fault.

use super::Absent::{Default, Means};
use super::{Form, Table, key};

/// One fault.
pub const FAULT: Table = Table {
    name: "[[faults]]",
    doc: "Something that goes wrong. Exactly one of hang, answer, lose, full, queue_full, clock, partition, disconnect, crash, power_loss, slow, corrupt, cancel, pause.",
    keys: &[
        key(
            "name",
            Form::Line,
            Means("the kind and its target"),
            "Its name, unique in the file. Draws are keyed by it.",
        ),
        key(
            "hang",
            Form::Selector,
            Means("another kind"),
            "The program stops running; its kernel goes on acknowledging.",
        ),
        key(
            "only",
            Form::Choice(&[
                "versions",
                "shares",
                "allocations",
                "writes",
                "reads",
                "aborts",
                "leases",
                "corruption reports",
            ]),
            Means("hang: the whole program hangs; answer: every request"),
            "For hang: the program goes on running, but never answers requests of this kind. For answer: only answers to requests of this kind are struck.",
        ),
        key(
            "answer",
            Form::Selector,
            Means("another kind"),
            "Requests reach the server, and their answers are not what they should be: see `with`.",
        ),
        key(
            "with",
            Form::Answer,
            Means("required by answer"),
            "For answer: the status it has (the request is not carried out), or what is wrong with its body.",
        ),
        key(
            "applied",
            Form::Flag,
            Default("false"),
            "For answer with a status: whether the request is carried out all the same.",
        ),
        key("rate", Form::Rate, Means("required by drips"), "For answer with drips: bytes per second."),
        key(
            "which",
            Form::Which,
            Default("all"),
            "For answer, hang with `only`, and lose: which of the requests (of the shares, for lose) it strikes, counted at each server from the beginning of the fault.",
        ),
        key(
            "lose",
            Form::Selector,
            Means("another kind"),
            "Shares are acknowledged and lost: as soon as one is complete it is gone from the disk.",
        ),
        key("full", Form::Selector, Means("another kind"), "The disk has no room for new shares."),
        key(
            "queue_full",
            Form::Selector,
            Means("another kind"),
            "The accept queue is full: attempts to connect vanish, open connections go on.",
        ),
        key(
            "clock",
            Form::Selector,
            Means("another kind"),
            "The wall clock jumps; at the end of the fault it jumps back.",
        ),
        key("by", Form::Jump, Means("required by clock"), "For clock: how far, and which way."),
        key("partition", Form::Selector, Means("another kind"), "Messages vanish without a sound."),
        key("disconnect", Form::Selector, Means("another kind"), "Connections end."),
        key(
            "crash",
            Form::Selector,
            Means("another kind"),
            "The program dies; the end of the fault restarts it with the same disk.",
        ),
        key(
            "power_loss",
            Form::Selector,
            Means("another kind"),
            "The machine goes dark; the end of the fault boots it with the same disk.",
        ),
        key(
            "slow",
            Form::Selector,
            Means("another kind"),
            "The link gets the `latency` and `bandwidth` of the fault.",
        ),
        key(
            "corrupt",
            Form::Shares,
            Means("another kind"),
            "Stored bytes of shares change: those in `field`.",
        ),
        key(
            "cancel",
            Form::StepName,
            Means("another kind"),
            "Whoever wanted the result of this step gives it up: `expect = \"cancelled\"` there.",
        ),
        key(
            "pause",
            Form::StepName,
            Means("another kind"),
            "Whoever receives the file that this step downloads takes no bytes until the fault ends.",
        ),
        key("on", Form::Selector, Means("every copy"), "For corrupt: only copies on these servers."),
        key("field", Form::Part, Means("required by corrupt"), "For corrupt: which part of the share."),
        key(
            "direction",
            Form::Choice(&["both", "to", "from"]),
            Default("both"),
            "For partition: which way it cuts, seen from the target.",
        ),
        key(
            "how",
            Form::Choice(&["reset", "close", "refuse"]),
            Default("reset"),
            "For disconnect: at once, after what is under way, or at once and refused from then on.",
        ),
        key("latency", Form::Latency, Means("as in [grid]"), "For slow: the delay of each message."),
        key("bandwidth", Form::Rate, Means("as in [grid]"), "For slow: bytes per second, each way."),
        key(
            "when",
            Form::Trigger,
            Default("at the start"),
            "When it begins: a time, or an event with a count.",
        ),
        key(
            "until",
            Form::Trigger,
            Means("it never ends"),
            "When it ends: a time, or an event with a count.",
        ),
        key("for", Form::Durations, Means("it never ends"), "How long it lasts, instead of `until`."),
        key(
            "every",
            Form::Durations,
            Means("it does not recur"),
            "With `for`: it begins anew this long after it began, on the same targets, again and again.",
        ),
        key(
            "may_stay_inert",
            Form::Flag,
            Default("false"),
            "Whether a run in which it touched nothing is valid.",
        ),
    ],
};
