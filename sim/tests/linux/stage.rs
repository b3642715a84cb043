//! The stage of a case: two programs on two machines, what can be done to them, and the log of what they saw.
//!
//! A case talks only to [`Stage`]; whether the machines are real is the business of [`World`]. Durations are not
//! compared: a case says "soon", "for a while" and "until it ends", and the world says how long that is.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::time::{sleep, timeout};

/// One of the two machines. The near one dials, the far one listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Near,
    Far,
}

pub(crate) use Side::{Far, Near};

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Near => Far,
            Far => Near,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Near => "near",
            Far => "far",
        }
    }
}

/// How long things take in a world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// What is under way arrives, when nothing stands in the way.
    pub(crate) settle: Duration,
    /// Whatever has not ended by then waits for something.
    pub(crate) brief: Duration,
    /// Longer than kernels try, in cases of short patience.
    pub(crate) patience: Duration,
    /// What has not ended by then never does.
    pub(crate) long: Duration,
}

/// What can be done to two machines. Panics when it cannot be done: then nothing can be compared.
pub(crate) trait World {
    fn pace(&self) -> Pace;
    /// Starts a program on a machine that is on.
    fn start(&mut self, side: Side) -> Puppet;
    /// Whether what is on its way to `to` vanishes.
    fn silence(&mut self, to: Side, on: bool);
    /// The program dies; its kernel lives.
    fn kill(&mut self, side: Side);
    /// The program is not run, or is run again.
    fn freeze(&mut self, side: Side, on: bool);
    /// The machine is without power, or boots.
    fn power(&mut self, side: Side, on: bool);
}

/// The strings of a program.
pub(crate) struct Puppet {
    commands: Box<dyn AsyncWrite + Unpin>,
    answers: Lines<BufReader<Box<dyn AsyncRead + Unpin>>>,
    number: u64,
    command: String,
}

impl Puppet {
    pub(crate) fn new(
        commands: impl AsyncWrite + Unpin + 'static,
        answers: impl AsyncRead + Unpin + 'static,
    ) -> Self {
        let answers: Box<dyn AsyncRead + Unpin> = Box::new(answers);
        Self {
            commands: Box::new(commands),
            answers: BufReader::new(answers).lines(),
            number: 0,
            command: String::new(),
        }
    }

    async fn tell(&mut self, command: &str) {
        self.number += 1;
        self.command = command.to_owned();
        let line = format!("{} {command}\n", self.number);
        self.commands.write_all(line.as_bytes()).await.expect("the program lives");
    }

    /// The answer to the last command; answers to those it interrupted are passed over.
    async fn answer(&mut self) -> String {
        loop {
            let line = self.answers.next_line().await.expect("an answer").expect("the program lives");
            let (number, seen) = line.split_once(' ').expect("a number and an answer");
            if number == self.number.to_string() {
                return seen.to_owned();
            }
        }
    }
}

pub(crate) struct Stage {
    world: Box<dyn World>,
    puppets: BTreeMap<Side, Puppet>,
    pub(crate) log: Vec<String>,
}

impl Stage {
    /// Two machines, a program on each.
    pub(crate) fn new(mut world: Box<dyn World>) -> Self {
        let puppets = BTreeMap::from([(Near, world.start(Near)), (Far, world.start(Far))]);
        Self { world, puppets, log: Vec::new() }
    }

    fn puppet(&mut self, side: Side) -> &mut Puppet {
        self.puppets.get_mut(&side).expect("a program runs there")
    }

    /// Tells the program and waits for the end of it.
    pub(crate) async fn ends(&mut self, side: Side, command: &str) {
        self.puppet(side).tell(command).await;
        let within = self.world.pace().long;
        self.listen(side, "", within, "never ends").await;
    }

    /// Tells the program something that is expected to wait for something.
    pub(crate) async fn waits(&mut self, side: Side, command: &str) {
        self.puppet(side).tell(command).await;
        self.still(side).await;
    }

    /// The command told last, which may have ended meanwhile; what follows a `waits` and may end it is asked
    /// for with `later`, not with a second command.
    pub(crate) async fn still(&mut self, side: Side) {
        let within = self.world.pace().brief;
        self.listen(side, "", within, "waits").await;
    }

    /// The end of a command that had to wait.
    pub(crate) async fn later(&mut self, side: Side) {
        let within = self.world.pace().long;
        self.listen(side, ", later", within, "never ends").await;
    }

    async fn listen(&mut self, side: Side, when: &str, within: Duration, or: &str) {
        let puppet = self.puppet(side);
        let seen = timeout(within, puppet.answer()).await.unwrap_or_else(|_| or.to_owned());
        let line = format!("{} {}{when}: {seen}", side.name(), puppet.command);
        self.log.push(line);
    }

    /// Tells and answers without a line in the log, for what differs from world to world in amount.
    pub(crate) async fn quietly(&mut self, side: Side, command: &str) -> String {
        let within = self.world.pace().long;
        let puppet = self.puppet(side);
        puppet.tell(command).await;
        timeout(within, puppet.answer()).await.unwrap_or_else(|_| "never ends".to_owned())
    }

    pub(crate) fn note(&mut self, line: impl Into<String>) {
        self.log.push(line.into());
    }

    /// Listening, dialled and accepted.
    pub(crate) async fn connect(&mut self) {
        self.ends(Far, "listen").await;
        self.ends(Near, "dial").await;
        self.ends(Far, "accept").await;
    }

    /// What is under way arrives.
    pub(crate) async fn settle(&mut self) {
        sleep(self.world.pace().settle).await;
    }

    /// A kernel that tries in vain loses patience meanwhile.
    pub(crate) async fn outlast(&mut self) {
        sleep(self.world.pace().patience).await;
        self.note("-- longer than patience");
    }

    /// From now on nothing reaches `side`.
    pub(crate) fn silence_to(&mut self, side: Side) {
        self.world.silence(side, true);
        self.note(format!("-- silence towards {}", side.name()));
    }

    pub(crate) fn silence(&mut self) {
        self.world.silence(Near, true);
        self.world.silence(Far, true);
        self.note("-- silence");
    }

    pub(crate) fn heal_to(&mut self, side: Side) {
        self.world.silence(side, false);
        self.note(format!("-- heal towards {}", side.name()));
    }

    pub(crate) fn heal(&mut self) {
        self.world.silence(Near, false);
        self.world.silence(Far, false);
        self.note("-- heal");
    }

    pub(crate) fn kill(&mut self, side: Side) {
        self.world.kill(side);
        self.puppets.remove(&side);
        self.note(format!("-- {} is killed", side.name()));
    }

    /// A program where none runs.
    pub(crate) fn start(&mut self, side: Side) {
        let puppet = self.world.start(side);
        self.puppets.insert(side, puppet);
        self.note(format!("-- {} starts", side.name()));
    }

    pub(crate) fn freeze(&mut self, side: Side) {
        self.world.freeze(side, true);
        self.note(format!("-- {} stops running", side.name()));
    }

    pub(crate) fn thaw(&mut self, side: Side) {
        self.world.freeze(side, false);
        self.note(format!("-- {} runs again", side.name()));
    }

    pub(crate) fn power_off(&mut self, side: Side) {
        self.world.power(side, false);
        self.puppets.remove(&side);
        self.note(format!("-- {} loses power", side.name()));
    }

    pub(crate) fn power_on(&mut self, side: Side) {
        self.world.power(side, true);
        self.note(format!("-- {} boots", side.name()));
    }
}
