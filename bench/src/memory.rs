//! Memory of processes, as the kernel counts it.

use anyhow::{Context, Result};

/// Resident memory of a process, bytes.
pub fn resident(id: u32) -> Result<u64> {
    counted(&std::fs::read_to_string(format!("/proc/{id}/status"))?, "VmRSS:")
}

/// Proportional set size of a process group, bytes: pages that several share count once in all.
pub fn proportional(group: u32) -> Result<u64> {
    let mut sum = 0;
    for process in std::fs::read_dir("/proc")?.flatten() {
        let read = |name: &str| std::fs::read_to_string(process.path().join(name));
        // What ended between two looks has no memory.
        if read("stat").is_ok_and(|stat| is_of(&stat, group))
            && let Ok(map) = read("smaps_rollup")
        {
            sum += counted(&map, "Pss:")?;
        }
    }
    Ok(sum)
}

/// proc_pid_stat(5): after the name in brackets come state, parent, group.
fn is_of(stat: &str, group: u32) -> bool {
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
    fields.and_then(|mut fields| fields.nth(2)) == Some(group.to_string().as_str())
}

fn counted(text: &str, name: &'static str) -> Result<u64> {
    let line = text.lines().find(|line| line.starts_with(name)).context(name)?;
    let kib: u64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
    Ok(kib * 1024)
}

/// For people.
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
