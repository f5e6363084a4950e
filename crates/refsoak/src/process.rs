//! Reads from Linux what this process uses: its memory, files, threads and children.

use std::fs::{self, File};
use std::io::Read;

/// The directories with an entry for each open file, thread and segment of shared memory.
pub(super) const OPEN_FILES: &str = "/proc/self/fd";
pub(super) const THREADS: &str = "/proc/self/task";
pub(super) const SHARED_MEMORY: &str = "/dev/shm";

/// How many entries a directory has; `None` if the system has no such directory.
pub(super) fn entries(directory: &str) -> Option<i64> {
    i64::try_from(fs::read_dir(directory).ok()?.count()).ok()
}

/// The number of child processes, summed over all threads.
pub(super) fn children() -> Option<i64> {
    let mut children = 0;
    for thread in fs::read_dir(THREADS).ok()? {
        let file = File::open(thread.ok()?.path().join("children"));
        let mut was_space = true;
        // A thread that has just ended no longer has this file.
        let bytes = file.ok().into_iter().flat_map(pieces);
        bytes.for_each(|piece| {
            for byte in piece {
                children += i64::from(was_space && byte != b' ');
                was_space = byte == b' ';
            }
        });
    }
    Some(children)
}

/// The number of mapped files: the mappings that have an inode.
pub(super) fn mappings() -> Option<i64> {
    let file = File::open("/proc/self/maps").ok()?;
    let (mut mapped, mut column, mut has_inode) = (0, 0, false);
    for byte in pieces(file).flatten() {
        match byte {
            b'\n' => {
                mapped += i64::from(has_inode);
                (column, has_inode) = (0, false);
            }
            b' ' => column += 1,
            // start-end, permissions, offset, device, inode, file
            _ => has_inode |= column == 4 && byte != b'0',
        }
    }
    Some(mapped)
}

/// Reads a file in pieces on the stack: a buffer that grows would move within C's heap, and glibc 2.43
/// counts it differently after each move.
fn pieces(mut file: File) -> impl Iterator<Item = impl Iterator<Item = u8>> {
    std::iter::from_fn(move || {
        let mut piece = [0; 4096];
        let length = file.read(&mut piece).ok().filter(|&length| length > 0)?;
        Some(piece.into_iter().take(length))
    })
}

/// Resident memory in bytes: all of it, and the part that is not backed by files. 0 if unknown.
pub(super) fn resident() -> (i64, i64) {
    let mut status = [0; 8192];
    let length = File::open("/proc/self/status").and_then(|mut file| file.read(&mut status));
    let status = status.get(..length.unwrap_or(0)).unwrap_or_default();
    let bytes = |name| {
        let mut lines = str::from_utf8(status).unwrap_or_default().lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok());
        kib.map_or(0, |kib| kib * 1024)
    };
    (bytes("VmRSS:"), bytes("RssAnon:") + bytes("RssShmem:"))
}
