//! Scenario and seed to schedule: the only place that draws.
//!
//! Every draw has a stream of its own, named after its place (the fault and the key), so that adding or removing
//! a fault, a server or a step does not change what the others get.

use std::time::Duration;

use rand_core::Rng;

use super::Scenario;
use super::faults::{FaultPlan, JumpPlan, KindPlan, SpoilPlan};
use super::grid::{LinkPlan, StoragePlan};
use super::select::{Selector, SharePick, Shares};
use super::steps::{ActionPlan, CheckPlan, StepPlan};
use super::trigger::When;
use super::units::Spread;
use crate::schedule::{
    Action, Answer, Check, Fault, FaultKind, File, Grid, Jump, Link, S3Params, Schedule, Server, ShareTarget,
    Spoil, Step, Storage, Target, Trigger,
};
use crate::seed::Seed;

/// Chooses everything the scenario leaves to the seed.
pub(super) fn schedule(scenario: &Scenario, number: u64) -> Schedule {
    let root = Seed::root(number).child("scenario");
    let grid = &scenario.grid;
    let servers = grid.servers.iter().map(|server| {
        let seed = root.child(&format!("server {}", server.name));
        Server {
            name: server.name.clone(),
            link: link(server.link, &seed),
            space_bytes: draw(server.space, &seed, "space"),
            share_bytes_max: server.share_max.map(|most| draw(most, &seed, "share_size_max")),
        }
    });
    let files = scenario.files.iter().map(|file| File {
        name: file.name.clone(),
        size: draw(file.size, &root.child(&format!("file {}", file.name)), "size"),
        random_key: file.random_key,
        mutable: file.mutable,
        directory: file.directory,
    });
    let steps = scenario.steps.iter().zip(1u64..);
    let total = u64::try_from(scenario.encoding.total()).unwrap_or(u64::MAX);
    Schedule {
        path: scenario.path.clone(),
        variant: scenario.variant.clone(),
        about: scenario.about.clone(),
        seed: number,
        deadline: scenario.deadline,
        grid: Grid {
            servers: servers.collect(),
            clients: grid.clients.clone(),
            encoding: scenario.encoding,
            happy: grid.happy,
            segment_bytes_max: grid.segment,
            storage: storage(&grid.storage, &root),
            client_retries: grid.client_retries,
        },
        files: files.collect(),
        trees: scenario.trees.clone(),
        steps: steps.map(|(plan, n)| step(plan, &root.child(&format!("step {n}")), total)).collect(),
        faults: scenario
            .faults
            .iter()
            .map(|plan| fault(plan, &root.child(&format!("fault {}", plan.name)), total, &scenario.steps))
            .collect(),
        must_fail: scenario.must_fail.clone(),
        known_bug: scenario.known_bug.clone(),
    }
}

fn storage(plan: &StoragePlan, root: &Seed) -> Storage {
    match plan {
        StoragePlan::Memory => Storage::Memory,
        StoragePlan::S3 { link: plan, retry } => {
            let link = link(*plan, &root.child("s3"));
            Storage::S3(S3Params { link, retry: (*retry).to_owned() })
        }
    }
}

fn step(plan: &StepPlan, seed: &Seed, total: u64) -> Step {
    let action = match &plan.action {
        ActionPlan::Upload { file } => Action::Upload { file: file.clone() },
        ActionPlan::Download { file, range } => Action::Download { file: file.clone(), range: *range },
        ActionPlan::Wait(wait) => Action::Wait(Duration::from_micros(draw(*wait, seed, "wait"))),
        ActionPlan::Delete { file, shares, on } => {
            let on = target(on, &seed.child("on"));
            Action::Delete { file: file.clone(), shares: shares.clone(), on }
        }
        ActionPlan::Copy { shares, from, to } => Action::Copy {
            share: share_target(shares, from.as_ref(), seed, "copy", "from", total),
            to: target(to, &seed.child("to")),
        },
        ActionPlan::Arrange { file, layout } => {
            Action::Arrange { file: file.clone(), layout: layout.clone() }
        }
        ActionPlan::Mutable { file, act, times } => {
            Action::Mutable { file: file.clone(), act: *act, times: *times }
        }
        ActionPlan::Upkeep(upkeep) => Action::Upkeep(upkeep.clone()),
        ActionPlan::Forget => Action::Forget,
    };
    let checks = plan.checks.iter().map(|check| match check {
        CheckPlan::NotFrom(selector) => Check::NotFrom(target(selector, &seed.child("not_from"))),
        CheckPlan::NotAsked(selector) => Check::NotAsked(target(selector, &seed.child("not_asked"))),
        CheckPlan::Fixed(check) => check.clone(),
    });
    Step {
        action,
        together: plan.together,
        by: plan.by.clone(),
        outcome: plan.outcome.clone(),
        happy: plan.happy,
        within: plan.within,
        checks: checks.collect(),
    }
}

fn fault(plan: &FaultPlan, seed: &Seed, total: u64, steps: &[StepPlan]) -> Fault {
    let asker =
        |step: &usize| Target::Hosts(steps.get(*step).map(|step| step.by.clone()).into_iter().collect());
    let on = |selector: &Selector| target(selector, &seed.child(plan.key));
    let (kind, on) = match &plan.kind {
        KindPlan::Hang(selector) => (FaultKind::Hang, on(selector)),
        KindPlan::HangOnly(selector, aim) => (FaultKind::HangOnly(aim.clone()), on(selector)),
        KindPlan::Answer { on: selector, how, aim } => {
            let how = match how {
                SpoilPlan::Fixed(how) => *how,
                SpoilPlan::Drips(rate) => Spoil::Drips { rate: draw(*rate, seed, "rate") },
            };
            (FaultKind::Answer(Answer { how, aim: aim.clone() }), on(selector))
        }
        KindPlan::Throttle(selector, throttle) => (FaultKind::Throttle(throttle.clone()), on(selector)),
        KindPlan::Lose(selector, which) => (FaultKind::Lose(*which), on(selector)),
        KindPlan::Full(selector) => (FaultKind::Full, on(selector)),
        KindPlan::QueueFull(selector) => (FaultKind::QueueFull, on(selector)),
        KindPlan::Clock(selector, JumpPlan { ahead, by }) => {
            let by = Duration::from_micros(draw(*by, seed, "by"));
            (FaultKind::Clock(Jump { ahead: *ahead, by }), on(selector))
        }
        KindPlan::Partition(selector, direction) => (FaultKind::Partition(*direction), on(selector)),
        KindPlan::Groups(groups) => {
            (FaultKind::Groups(groups.clone()), Target::Hosts(groups.iter().flatten().cloned().collect()))
        }
        KindPlan::Disconnect(selector, how) => (FaultKind::Disconnect(*how), on(selector)),
        KindPlan::Crash(selector) => (FaultKind::Crash, on(selector)),
        KindPlan::PowerLoss(selector) => (FaultKind::PowerLoss, on(selector)),
        KindPlan::Slow(selector, slow) => (FaultKind::Slow(link(*slow, seed)), on(selector)),
        KindPlan::Cancel(step) => (FaultKind::Cancel(*step), asker(step)),
        KindPlan::Pause(step) => (FaultKind::Pause(*step), asker(step)),
        KindPlan::Corrupt { shares, on, field } => {
            let share = share_target(shares, on.as_ref(), seed, "corrupt", "on", total);
            let whom = whoever_has(&share);
            (FaultKind::Corrupt { share, field: *field }, whom)
        }
        KindPlan::Replace { shares, on, by } => {
            let share = share_target(shares, on.as_ref(), seed, "replace", "on", total);
            let whom = whoever_has(&share);
            (FaultKind::Replace { share, by: by.clone() }, whom)
        }
        KindPlan::Restore(selector, step) => (FaultKind::Restore { step: *step }, on(selector)),
    };
    Fault {
        name: plan.name.clone(),
        kind,
        on,
        when: trigger(&plan.when, &seed.child("when")),
        until: plan.until.as_ref().map(|until| trigger(until, &seed.child("until"))),
        every: plan.every.map(|every| Duration::from_micros(draw(every, seed, "every"))),
        may_stay_inert: plan.may_stay_inert,
    }
}

/// The servers a fault on shares is about.
fn whoever_has(share: &ShareTarget) -> Target {
    share.on.clone().unwrap_or_else(|| Target::Holders {
        file: share.file.clone(),
        share: share.share,
        version: None,
        count: None,
        draw: 0,
    })
}

fn trigger(when: &When, seed: &Seed) -> Trigger {
    match when {
        When::At(at) => Trigger::At(Duration::from_micros(draw(*at, seed, "time"))),
        When::After(lasts) => Trigger::After(Duration::from_micros(draw(*lasts, seed, "time"))),
        When::Event { who, what, count, probability, during } => Trigger::Event {
            who: who.clone(),
            what: *what,
            count: draw(*count, seed, "count"),
            probability: *probability,
            during: *during,
        },
    }
}

fn link(plan: LinkPlan, seed: &Seed) -> Link {
    Link {
        latency_min: plan.latency.0,
        latency_max: plan.latency.1,
        bandwidth: plan.bandwidth.map(|bandwidth| draw(bandwidth, seed, "bandwidth")),
    }
}

fn share_target(
    shares: &Shares,
    on: Option<&Selector>,
    seed: &Seed,
    share_key: &str,
    on_key: &str,
    total: u64,
) -> ShareTarget {
    let share = match shares.pick {
        SharePick::All => None,
        SharePick::Number(number) => Some(number),
        // Whichever share these servers have.
        SharePick::Drawn if on.is_some() => None,
        SharePick::Drawn => {
            let all = Spread { min: 0, max: total.saturating_sub(1), step: 1 };
            Some(u8::try_from(draw(all, seed, share_key)).unwrap_or(u8::MAX))
        }
    };
    ShareTarget { file: shares.file.clone(), share, on: on.map(|on| target(on, &seed.child(on_key))) }
}

fn target(selector: &Selector, seed: &Seed) -> Target {
    match selector {
        Selector::Hosts { named, any } => {
            let mut hosts = named.clone();
            for (n, (count, of)) in any.iter().enumerate() {
                for name in choose(*count, of, &seed.child(&format!("any {n}"))) {
                    if !hosts.contains(&name) {
                        hosts.push(name);
                    }
                }
            }
            Target::Hosts(hosts)
        }
        Selector::Holders { file, share, version, count } => Target::Holders {
            file: file.clone(),
            share: *share,
            version: *version,
            count: *count,
            draw: seed.child("draw").rng().next_u64(),
        },
    }
}

/// So many of the names, in their order. Each has a lot of its own, so taking one name away moves no other's.
fn choose(count: usize, of: &[String], seed: &Seed) -> Vec<String> {
    let mut lots: Vec<([u8; 32], usize)> =
        of.iter().enumerate().map(|(place, name)| (seed.child(name).bytes(), place)).collect();
    lots.sort_unstable();
    let mut places: Vec<usize> = lots.iter().take(count).map(|(_, place)| *place).collect();
    places.sort_unstable();
    places.into_iter().map(|place| of[place].clone()).collect()
}

/// One value out of a spread.
fn draw(spread: Spread, seed: &Seed, place: &str) -> u64 {
    let step = spread.step.max(1);
    let choices = u128::from((spread.max - spread.min) / step) + 1;
    let random = u128::from(seed.child(place).rng().next_u64());
    // The high half of the product is below `choices`, so it fits.
    let chosen = u64::try_from((random * choices) >> 64).unwrap_or(0);
    spread.min + chosen * step
}
