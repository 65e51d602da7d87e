//! Reads processes and machine data from `/proc`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Outcome;

/// A child process.
pub(crate) struct Child {
    pub(crate) pid: u32,
    pub(crate) name: String,
}

/// The resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// The CPU time of a process in user and kernel mode.
pub(crate) fn processor_time(pid: u32) -> Outcome<Duration> {
    // `utime` and `stime`.
    ticks(pid, [11, 12])
}

/// The same of the children that have ended.
pub(crate) fn processor_time_of_ended_children(pid: u32) -> Outcome<Duration> {
    // `cutime` and `cstime`.
    ticks(pid, [13, 14])
}

fn ticks(pid: u32, fields: [usize; 2]) -> Outcome<Duration> {
    let stat = stat(pid)?;
    let mut ticks = 0;
    for field in fields {
        ticks += stat.get(field).ok_or("a field is missing")?.parse::<u64>()?;
    }
    // A tick is 10 ms on every supported architecture.
    Ok(Duration::from_millis(ticks * 10))
}

/// The child processes of a process.
pub(crate) fn children(parent: u32) -> Outcome<Vec<Child>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process that has ended in the meantime has no parent.
        let Ok(fields) = stat(pid) else { continue };
        if fields.get(1).and_then(|text| text.parse().ok()) == Some(parent) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            children.push(Child { pid, name: name.trim().to_owned() });
        }
    }
    Ok(children)
}

/// The fields of `stat` from the third one: the process name before them can contain anything.
fn stat(pid: u32) -> Outcome<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = text.rsplit_once(") ").ok_or("an unknown format")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

/// Cores, processor and system.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(Path::new(path)).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let information = read("/proc/cpuinfo");
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let system = read("/proc/sys/kernel/osrelease");
    let profile = if cfg!(debug_assertions) { ", WITHOUT OPTIMISATION" } else { "" };
    format!("{cores} cores ({model}, {} {}{profile})", std::env::consts::OS, system.trim())
}

/// The load average of one minute: well above the number of cores, times are too long.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}
