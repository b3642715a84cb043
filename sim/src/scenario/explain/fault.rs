//! Writes a fault: kind, target, beginning and end.

use std::time::Duration;

use super::super::faults::write_which;
use super::super::trigger::write_event;
use super::super::units::{write_duration, write_size};
use super::Out;
use crate::schedule::{
    Again, Aim, Answer, Direction, Disconnect, Fault, FaultKind, ShareField, ShareTarget, Spoil, Substitute,
    Throttle, Trigger,
};

pub(super) fn fault(out: &mut Out, fault: &Fault) {
    out.text("name", &fault.name);
    match &fault.kind {
        FaultKind::Hang => out.target("hang", &fault.on),
        FaultKind::HangOnly(which) => {
            out.target("hang", &fault.on);
            aim(out, which);
        }
        FaultKind::Answer(how) => {
            out.target("answer", &fault.on);
            answer(out, how);
        }
        FaultKind::Throttle(Throttle { puts_per_second, gets_per_second, retry_after }) => {
            out.target("throttle", &fault.on);
            out.line(format_args!(
                "puts_per_second = {puts_per_second}\ngets_per_second = {gets_per_second}"
            ));
            come_again(out, *retry_after);
        }
        FaultKind::Lose(which) => {
            out.target("lose", &fault.on);
            out.text("which", &write_which(*which));
        }
        FaultKind::Full => out.target("full", &fault.on),
        FaultKind::QueueFull => out.target("queue_full", &fault.on),
        FaultKind::Clock(jump) => {
            out.target("clock", &fault.on);
            let sign = if jump.ahead { '+' } else { '-' };
            out.text("jump", &format!("{sign}{}", write_duration(jump.by)));
        }
        FaultKind::Partition(direction) => {
            out.target("partition", &fault.on);
            out.text(
                "direction",
                match direction {
                    Direction::Both => "both",
                    Direction::To => "to",
                    Direction::From => "from",
                },
            );
        }
        FaultKind::Groups(groups) => out.groups("partition", groups),
        FaultKind::Disconnect(how) => {
            out.target("disconnect", &fault.on);
            out.text(
                "how",
                match how {
                    Disconnect::Reset => "reset",
                    Disconnect::Close => "close",
                    Disconnect::Refuse => "refuse",
                },
            );
        }
        FaultKind::Crash => out.target("crash", &fault.on),
        FaultKind::PowerLoss => out.target("power_loss", &fault.on),
        FaultKind::Slow(link) => {
            out.target("slow", &fault.on);
            out.link(link);
        }
        FaultKind::Cancel(step) => out.text("cancel", &format!("step {}", step + 1)),
        FaultKind::Pause(step) => out.text("pause", &format!("step {}", step + 1)),
        FaultKind::Corrupt { share, field } => {
            shares(out, "corrupt", "on", share);
            out.text("field", &part(*field));
        }
        FaultKind::Replace { share, by } => {
            shares(out, "replace", "on", share);
            let by = match by {
                Substitute::Percent(percent) => format!("truncated to {percent}%"),
                Substitute::Bytes(bytes) => format!("truncated to {}", write_size(*bytes)),
                Substitute::Share { number, file } => format!("share {number} of {file}"),
                Substitute::Version(number) => format!("version {number}"),
            };
            out.text("by", &by);
        }
        FaultKind::Restore { step } => {
            out.target("restore", &fault.on);
            out.text("to", &format!("step {step}"));
        }
    }
    trigger(out, "when", &fault.when);
    if let Some(until) = &fault.until {
        trigger(out, "until", until);
    }
    if let Some(every) = fault.every {
        out.text("every", &write_duration(every));
    }
    out.line(format_args!("may_stay_inert = {}", fault.may_stay_inert));
}

fn aim(out: &mut Out, Aim { only, keys, which, again }: &Aim) {
    if let Some(kind) = only {
        out.text("only", kind.word());
    }
    if let Some(keys) = keys {
        out.text("keys", keys);
    }
    out.text("which", &write_which(*which));
    let Some(Again { chance, within }) = again else { return };
    out.line(format_args!("again = {chance:?}"));
    if let Some(within) = within {
        out.text("again_within", &write_duration(*within));
    }
}

fn come_again(out: &mut Out, after: Option<Duration>) {
    if let Some(after) = after {
        out.text("retry_after", &write_duration(after));
    }
}

fn answer(out: &mut Out, answer: &Answer) {
    out.text("with", &answer.how.words());
    if let Some(applied) = answer.how.applied() {
        out.line(format_args!("applied = {applied}"));
    }
    match answer.how {
        Spoil::Drips { rate } => out.text("rate", &format!("{}/s", write_size(rate))),
        Spoil::S3 { retry_after, .. } => come_again(out, retry_after),
        Spoil::Status { .. }
        | Spoil::Stops
        | Spoil::Truncated
        | Spoil::TooLong
        | Spoil::Garbage
        | Spoil::WrongLength
        | Spoil::Reset { .. }
        | Spoil::WrongTag
        | Spoil::Stale
        | Spoil::Lost => {}
    }
    aim(out, &answer.aim);
}

pub(super) fn shares(out: &mut Out, key: &str, on_key: &str, share: &ShareTarget) {
    let number = share.share.map_or("shares".to_owned(), |number| format!("share {number}"));
    out.text(key, &format!("{number} of {}", share.file));
    if let Some(on) = &share.on {
        out.target(on_key, on);
    }
}

fn trigger(out: &mut Out, key: &str, trigger: &Trigger) {
    match trigger {
        Trigger::At(at) if at.is_zero() => out.text(key, "at the start"),
        Trigger::At(at) => out.text(key, &write_duration(*at)),
        Trigger::After(lasts) => out.text("for", &write_duration(*lasts)),
        Trigger::Event { who, what, count, probability, during } => {
            let event = write_event(who, *what, *count);
            let step = during.map_or(String::new(), |step| format!(", in step {step}"));
            let chance =
                if *probability < 1.0 { format!(", with probability {probability}") } else { String::new() };
            out.text(key, &format!("{event}{step}{chance}"));
        }
    }
}

fn part(field: ShareField) -> String {
    match field {
        ShareField::Version => "version".to_owned(),
        ShareField::Offsets => "offsets".to_owned(),
        ShareField::Block(number) => format!("block {number}"),
        ShareField::Data => "data".to_owned(),
        ShareField::CrypttextHash(number) => format!("crypttext hash {number}"),
        ShareField::BlockHash(number) => format!("block hash {number}"),
        ShareField::ShareHashes => "share hashes".to_owned(),
        ShareField::UriExtension => "uri extension".to_owned(),
        ShareField::Container => "container version".to_owned(),
        ShareField::ForgedTree => "forged block tree".to_owned(),
        ShareField::SequenceNumber
        | ShareField::RootHash
        | ShareField::Salt
        | ShareField::Needed
        | ShareField::Total
        | ShareField::SegmentSize
        | ShareField::DataLength
        | ShareField::Offset(_)
        | ShareField::PublicKey
        | ShareField::Signature
        | ShareField::ShareHashIndex
        | ShareField::PrivateKey => {
            let known = ShareField::MUTABLE_WORDS.iter().find(|(_, known)| *known == field);
            known.map_or("", |(word, _)| word).to_owned()
        }
    }
}
