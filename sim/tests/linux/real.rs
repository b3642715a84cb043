//! The stage on Linux: two processes in network namespaces of their own, a third namespace between them as router.
//!
//! Silence is a blackhole route in the router: what is on its way is dropped and neither end is told. Namespaces are
//! named in a `/run` of this process alone (see `main`), so whatever ends it, nothing stays behind.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lafs::net::tcp::{TcpDial, TcpListen};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::unix::pipe;

use crate::actor::{Machine, act};
use crate::cases::{Case, Patience};
use crate::stage::{Far, Near, Pace, Puppet, Side, Stage, World};
use crate::{BACKLOG, CASE_MAX};

/// Set in the environment of the process that is to be an actor: where its peer listens.
pub(crate) const ACTOR: &str = "SQUALL_LINUX_ACTOR";

const PORT: u16 = 7000;

struct TcpMachine {
    peer: String,
}

impl Machine for TcpMachine {
    type Conn = TcpStream;
    type Listener = TcpListen;
    type Dialer = TcpDial;

    async fn listen(&self) -> io::Result<TcpListen> {
        TcpListen::bind((Ipv4Addr::UNSPECIFIED, PORT)).await
    }

    fn dialer(&self) -> TcpDial {
        TcpDial
    }

    fn peer(&self) -> &str {
        &self.peer
    }

    fn reset(&self, conn: TcpStream) {
        conn.set_zero_linger().expect("a socket");
    }
}

/// The life of a process that is an actor: commands on its standard input, answers on its standard output.
pub(crate) fn be_actor(peer: String) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let commands = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
        let answers = pipe::Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
        act(TcpMachine { peer }, BufReader::new(commands), answers).await;
        Ok(())
    })
}

/// A tool of the system, found also where only root looks.
fn tool(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

/// Runs a tool with `input`; the error is what it complained about.
pub(crate) fn run_tool(name: &str, arguments: &[&str], input: &str) -> Result<(), String> {
    let told = |error: io::Error| format!("{name}: {error}");
    let mut command = tool(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(told)?;
    if let Some(mut stdin) = child.stdin.take() {
        // What it does not read it complains about by itself.
        stdin.write_all(input.as_bytes()).ok();
    }
    let output = child.wait_with_output().map_err(told)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn ip(arguments: &[&str], input: &str) -> Result<(), String> {
    run_tool("ip", arguments, input)
}

/// Whether all that the cases need can be had here; the error says what not.
pub(crate) fn probe() -> Result<(), String> {
    let machines = Machines::new(format!("squall-{}-probe", std::process::id()), Patience::Short)?;
    machines.route(Near, true)?;
    machines.route(Near, false)
}

struct Machines {
    /// Begins the names of this case's namespaces.
    prefix: String,
    patience: Patience,
    processes: [Option<Child>; 2],
}

impl Machines {
    fn new(prefix: String, patience: Patience) -> Result<Self, String> {
        let machines = Self { prefix, patience, processes: [None, None] };
        let router = machines.router();
        ip(&["netns", "add", &router], "")?;
        ip(&["-n", &router, "link", "set", "lo", "up"], "")?;
        ip(&["netns", "exec", &router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"], "")?;
        machines.build(Near)?;
        machines.build(Far)?;
        Ok(machines)
    }

    fn router(&self) -> String {
        format!("{}-router", self.prefix)
    }

    fn namespace(&self, side: Side) -> String {
        format!("{}-{side:?}", self.prefix).to_lowercase()
    }

    /// A machine that is on, with a cable to the router.
    fn build(&self, side: Side) -> Result<(), String> {
        let (name, router, net) = (self.namespace(side), self.router(), subnet(side));
        let cable = format!(
            "netns add {name}\nlink add wire netns {name} type veth peer name to{net} netns {router}\n"
        );
        ip(&["-batch", "-"], &cable)?;
        let routing = format!("addr add 10.0.{net}.1/24 dev to{net}\nlink set to{net} up\n");
        ip(&["-n", &router, "-batch", "-"], &routing)?;
        let own = format!(
            "link set lo up\naddr add {}/24 dev wire\nlink set wire up\nroute add default via 10.0.{net}.1\n",
            address(side)
        );
        ip(&["-n", &name, "-batch", "-"], &own)?;
        let mut settings = vec![
            ("core/somaxconn", BACKLOG.to_string()),
            ("ipv4/tcp_rmem", "4096 65536 65536".into()),
            ("ipv4/tcp_wmem", "4096 65536 65536".into()),
        ];
        match self.patience {
            Patience::Usual => {}
            // Data is given up after 3 s, a connect after as long.
            Patience::Short => settings.extend([
                ("ipv4/tcp_retries2", "2".into()),
                ("ipv4/tcp_orphan_retries", "2".into()),
                ("ipv4/tcp_syn_retries", "1".into()),
                ("ipv4/tcp_syn_linear_timeouts", "0".into()),
            ]),
        }
        for (file, value) in settings {
            // Not every kernel has every one of them; all are only about time and amounts.
            let script = format!("test ! -e /proc/sys/net/{file} || echo {value} >/proc/sys/net/{file}");
            ip(&["netns", "exec", &name, "sh", "-c", &script], "")?;
        }
        Ok(())
    }

    /// Whether the router forgets what is for `to`.
    fn route(&self, to: Side, blackhole: bool) -> Result<(), String> {
        let change = if blackhole { "add" } else { "del" };
        let address = format!("{}/32", address(to));
        ip(&["-n", &self.router(), "route", change, "blackhole", &address], "")
    }

    /// Nothing leaves the machine any more; its kernel's memory goes with the namespace.
    fn go_dark(&mut self, side: Side) -> Result<(), String> {
        self.route(side, true)?;
        self.route(side.other(), true)?;
        self.kill(side);
        ip(&["-n", &self.router(), "link", "del", &format!("to{}", subnet(side))], "")?;
        ip(&["netns", "del", &self.namespace(side)], "")?;
        self.route(side.other(), false)
    }

    fn boot(&mut self, side: Side) -> Result<(), String> {
        self.build(side)?;
        self.route(side, false)
    }

    fn process(&mut self, side: Side) -> &mut Option<Child> {
        match side {
            Near => &mut self.processes[0],
            Far => &mut self.processes[1],
        }
    }

    fn signal(&mut self, side: Side, signal: Signal) {
        let child = self.process(side).as_ref().expect("a process");
        kill_process(Pid::from_child(child), signal).expect("it can be signalled");
    }
}

fn subnet(side: Side) -> u8 {
    match side {
        Near => 1,
        Far => 2,
    }
}

fn address(side: Side) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, subnet(side), 2)
}

impl World for Machines {
    fn pace(&self) -> Pace {
        Pace {
            settle: Duration::from_millis(200),
            brief: Duration::from_millis(400),
            patience: Duration::from_millis(4500),
            long: Duration::from_secs(12),
        }
    }

    fn start(&mut self, side: Side) -> Puppet {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = tool("ip");
        command.args(["netns", "exec", &self.namespace(side)]).arg(program);
        command.env(ACTOR, SocketAddr::from((address(side.other()), PORT)).to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let commands = pipe::Sender::from_owned_fd(child.stdin.take().expect("piped").into());
        let answers = pipe::Receiver::from_owned_fd(child.stdout.take().expect("piped").into());
        *self.process(side) = Some(child);
        Puppet::new(commands.expect("a pipe"), answers.expect("a pipe"))
    }

    fn silence(&mut self, to: Side, on: bool) {
        self.route(to, on).expect("a route");
    }

    fn kill(&mut self, side: Side) {
        let mut child = self.process(side).take().expect("a process");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    fn freeze(&mut self, side: Side, on: bool) {
        self.signal(side, if on { Signal::STOP } else { Signal::CONT });
    }

    fn power(&mut self, side: Side, on: bool) {
        let done = if on { self.boot(side) } else { self.go_dark(side) };
        done.expect("namespaces come and go");
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for mut child in self.processes.iter_mut().filter_map(Option::take) {
            child.kill().ok();
            child.wait().ok();
        }
        for name in [self.router(), self.namespace(Near), self.namespace(Far)] {
            // Absent after a loss of power.
            run_tool("ip", &["netns", "del", &name], "").ok();
        }
    }
}

/// Runs `case` in real time and gives its log. `number` tells the cases of a run apart.
pub(crate) fn run(case: &Case, number: usize) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let prefix = format!("squall-{}-{number}", std::process::id());
        let machines = Machines::new(prefix, case.patience).expect("namespaces, as in the probe");
        let mut stage = Stage::new(Box::new(machines));
        tokio::time::timeout(CASE_MAX, (case.play)(&mut stage)).await.expect("the case ends");
        stage.log
    })
}
