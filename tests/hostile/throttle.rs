//! A process with a part of one processor: by a control group where one can be made, and by stopping and continuing it otherwise.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// A period of the scheduler's quota, and of stopping and continuing.
const PERIOD: Duration = Duration::from_millis(100);

/// Runs a process with so many percent of one processor, and says by what.
pub(crate) fn run(command: Command, percent: u32) -> (String, Output) {
    match Group::new(percent) {
        Some(group) => {
            let output = group.run(&command);
            let throttled = group.throttled();
            assert!(throttled > 0, "the kernel never held the process back");
            (format!("a control group that held it back {throttled} times"), output)
        }
        None => ("stopping and continuing it".to_owned(), by_signals(command, percent)),
    }
}

/// A control group of this process's making, removed with its last process gone.
struct Group(PathBuf);

impl Group {
    fn new(percent: u32) -> Option<Self> {
        let (period, quota) = (PERIOD.as_micros(), PERIOD.as_micros() * u128::from(percent) / 100);
        let name = format!("orkestra-hostile-{}", std::process::id());
        // The first is version 1 of control groups, the second version 2 where the controller is delegated.
        let ways: [(&str, Vec<(&str, String)>); 2] = [
            (
                "/sys/fs/cgroup/cpu",
                vec![("cpu.cfs_period_us", period.to_string()), ("cpu.cfs_quota_us", quota.to_string())],
            ),
            ("/sys/fs/cgroup", vec![("cpu.max", format!("{quota} {period}"))]),
        ];
        ways.into_iter().find_map(|(root, limits)| {
            let path = Path::new(root).join(&name);
            std::fs::create_dir(&path).ok()?;
            let group = Group(path);
            // In a file system that is none of control groups the files are not there, and are not to be made.
            let write = |(file, value): &(&str, String)| {
                let file = group.0.join(file);
                file.exists() && std::fs::write(file, value).is_ok()
            };
            limits.iter().all(write).then_some(group)
        })
    }

    fn run(&self, command: &Command) -> Output {
        // The shell enters the group and becomes the process, so that no instruction of it is outside.
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"echo $$ > "$0" && exec "$@""#]).arg(self.0.join("cgroup.procs"));
        shell.arg(command.get_program()).args(command.get_args());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.output().expect("a process")
    }

    /// How many periods ended with the quota used up.
    fn throttled(&self) -> u64 {
        let stat = std::fs::read_to_string(self.0.join("cpu.stat")).unwrap_or_default();
        let of_line = |line: &str| line.strip_prefix("nr_throttled ")?.parse().ok();
        stat.lines().find_map(of_line).unwrap_or_default()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn by_signals(mut command: Command, percent: u32) -> Output {
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("a process");
    let group = Pid::from_child(&child);
    let waiting = std::thread::spawn(move || child.wait_with_output().expect("a process"));
    let run = PERIOD * percent / 100;
    while !waiting.is_finished() {
        std::thread::sleep(run);
        if kill_process_group(group, Signal::STOP).is_ok() {
            std::thread::sleep(PERIOD - run);
            let _ = kill_process_group(group, Signal::CONT);
        }
    }
    waiting.join().expect("a process that ends")
}

/// The way that the suite goes only where no control group can be made.
#[test]
fn a_process_that_is_stopped_and_continued_ends_and_is_heard() {
    let mut command = Command::new("sh");
    command.args(["-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo $i"]);
    let output = by_signals(command, 20);
    assert!(output.status.success());
    assert_eq!(output.stdout, b"60000\n");
}
