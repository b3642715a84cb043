//! What the survey decides, step by step.

use super::*;
use crate::format::hash::Digest;
use crate::plan::Policy;

const MS: Duration = Duration::from_millis(1);

fn at(ms: u32) -> Moment {
    Moment(MS * ms)
}

fn version(seqnum: u64) -> VersionId {
    VersionId { seqnum, root_hash: Digest([7; 32]) }
}

fn survey(mode: Mode, servers: usize) -> Survey {
    Survey::new(mode, servers, Encoding::THREE_OF_TEN, None, Policy::default().for_short_answers())
}

/// `server` shows shares of the versions with these sequence numbers.
fn shows(survey: &mut Survey, server: usize, shares: &[(u8, u64)], now: Moment) {
    for (_, seqnum) in shares {
        survey.on_version(version(*seqnum), Encoding::THREE_OF_TEN);
    }
    let sightings = shares.iter().map(|(share, seqnum)| (ShareNum(*share), Sighting::Good(version(*seqnum))));
    survey.on_answer(server, sightings.collect(), now);
}

#[test]
fn n_plus_k_servers_are_asked_at_once() {
    assert_eq!(survey(Mode::Read, 30).decide(at(0)).ask, (0..13).collect::<Vec<_>>());
    assert_eq!(survey(Mode::Write, 30).decide(at(0)).ask, (0..13).collect::<Vec<_>>());
    assert_eq!(survey(Mode::Check, 30).decide(at(0)).ask, (0..30).collect::<Vec<_>>());
}

#[test]
fn a_reader_waits_for_the_others_only_as_long_as_they_are_not_overdue() {
    let mut survey = survey(Mode::Read, 10);
    let _ = survey.decide(at(0));
    (0..3).for_each(|server| shows(&mut survey, server, &[(u8::try_from(server).unwrap(), 1)], at(50)));
    let decision = survey.decide(at(50));
    assert!(!decision.done);
    assert_eq!(decision.until, Some(at(150)));
    let decision = survey.decide(at(150));
    assert!(decision.done);
    assert_eq!(decision.overdue.len(), 7);
}

#[test]
fn without_a_version_that_can_be_read_everybody_is_waited_for() {
    let mut survey = survey(Mode::Read, 10);
    let _ = survey.decide(at(0));
    (0..2).for_each(|server| shows(&mut survey, server, &[(u8::try_from(server).unwrap(), 1)], at(50)));
    assert!(!survey.decide(at(60_000)).done);
    (2..10).for_each(|server| survey.on_failed(server));
    assert!(survey.decide(at(60_001)).done);
}

#[test]
fn a_sign_of_a_newer_version_is_followed_up_to_the_last_server() {
    let mut survey = survey(Mode::Read, 30);
    for server in survey.decide(at(0)).ask {
        let newer = u64::from(server == 12) + 1;
        shows(&mut survey, server, &[(u8::try_from(server % 10).unwrap(), newer)], at(10));
    }
    let mut asked = 13;
    loop {
        let decision = survey.decide(at(20));
        for server in &decision.ask {
            asked += 1;
            survey.on_answer(*server, BTreeMap::new(), at(20));
        }
        if decision.done {
            break;
        }
    }
    assert_eq!(asked, 30);
    assert_eq!(survey.best().unwrap().id, version(1));
}

#[test]
fn an_older_version_than_the_one_known_is_no_reason_to_stop() {
    let policy = Policy::default().for_short_answers();
    let mut survey = Survey::new(Mode::Read, 30, Encoding::THREE_OF_TEN, Some(version(2)), policy);
    for server in survey.decide(at(0)).ask {
        shows(&mut survey, server, &[(u8::try_from(server % 10).unwrap(), 1)], at(10));
    }
    assert!(!survey.decide(at(10)).ask.is_empty());
}

#[test]
fn a_writer_looks_on_until_k_servers_in_a_row_have_nothing() {
    let mut survey = survey(Mode::Write, 30);
    for server in survey.decide(at(0)).ask {
        shows(&mut survey, server, &[(u8::try_from(server % 10).unwrap(), 1)], at(10));
    }
    let more = survey.decide(at(10)).ask;
    assert_eq!(more, (13..18).collect::<Vec<_>>());
    survey.on_answer(13, BTreeMap::new(), at(11));
    survey.on_failed(14);
    survey.on_answer(15, BTreeMap::new(), at(11));
    assert!(!survey.decide(at(11)).done, "one that failed is not one that has nothing");
    (16..18).for_each(|server| survey.on_answer(server, BTreeMap::new(), at(12)));
    assert!(!survey.decide(at(12)).done, "others were asked meanwhile, who may have shares");
    (18..21).for_each(|server| survey.on_answer(server, BTreeMap::new(), at(13)));
    let decision = survey.decide(at(13));
    assert!(decision.done && decision.ask.is_empty());
}

#[test]
fn a_suspect_is_asked_and_not_waited_for() {
    let mut survey = survey(Mode::Read, 20);
    survey.on_suspect(0);
    let ask = survey.decide(at(0)).ask;
    assert_eq!(ask, (0..14).collect::<Vec<_>>(), "one more in its stead");
    (1..14).for_each(|server| shows(&mut survey, server, &[(u8::try_from(server % 10).unwrap(), 1)], at(5)));
    assert!(survey.decide(at(5)).done);
}

#[test]
fn two_versions_of_one_number_need_a_merge() {
    let mut survey = survey(Mode::Check, 6);
    let _ = survey.decide(at(0));
    for server in 0..6 {
        let root_hash = Digest([u8::try_from(server % 2).unwrap(); 32]);
        let id = VersionId { seqnum: 4, root_hash };
        survey.on_version(id, Encoding::THREE_OF_TEN);
        let share = ShareNum(u8::try_from(server).unwrap());
        survey.on_answer(server, BTreeMap::from([(share, Sighting::Good(id))]), at(1));
    }
    assert!(survey.needs_merge());
    assert_eq!(survey.best().unwrap().id.root_hash, Digest([1; 32]));
    assert_eq!(survey.seqnum_max(), 4);
}

#[test]
fn a_bad_share_is_of_no_version() {
    let mut survey = survey(Mode::Check, 3);
    let _ = survey.decide(at(0));
    (0..3).for_each(|server| shows(&mut survey, server, &[(u8::try_from(server).unwrap(), 1)], at(1)));
    survey.on_bad(1, ShareNum(1));
    assert!(survey.best().is_none());
    assert_eq!(survey.versions()[0].shares.len(), 2);
}
