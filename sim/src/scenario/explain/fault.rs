//! Writes a fault: kind, target, beginning and end.

use super::super::faults::write_which;
use super::super::trigger::write_event;
use super::super::units::{write_duration, write_size};
use super::Out;
use crate::schedule::{
    Answer, Direction, Disconnect, Fault, FaultKind, RequestKind, ShareField, ShareTarget, Spoil, Substitute,
    Trigger,
};

pub(super) fn fault(out: &mut Out, fault: &Fault) {
    out.text("name", &fault.name);
    match &fault.kind {
        FaultKind::Hang => out.target("hang", &fault.on),
        FaultKind::HangOnly(kind, which) => {
            out.target("hang", &fault.on);
            only(out, *kind);
            out.text("which", &write_which(*which));
        }
        FaultKind::Answer(how) => {
            out.target("answer", &fault.on);
            answer(out, how);
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

fn only(out: &mut Out, kind: RequestKind) {
    let word = RequestKind::WORDS.iter().find(|(_, known)| *known == kind);
    out.text("only", word.map_or("", |(word, _)| word));
}

fn answer(out: &mut Out, answer: &Answer) {
    out.text("with", &answer.how.words());
    match answer.how {
        Spoil::Status { applied, .. } => out.line(format_args!("applied = {applied}")),
        Spoil::Drips { rate } => out.text("rate", &format!("{}/s", write_size(rate))),
        Spoil::Stops | Spoil::Truncated | Spoil::TooLong | Spoil::Garbage | Spoil::WrongLength => {}
    }
    if let Some(kind) = answer.only {
        only(out, kind);
    }
    out.text("which", &write_which(answer.which));
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
