//! Finds out the version of a Python: from its environment, or by running it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::version::Version;

/// How long a Python may take to answer: it may be on a network, or on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

/// The version that a virtual environment has recorded: venv writes `version`, other tools `version_info`.
pub(super) fn recorded_version(python: &Path) -> Option<Version> {
    let environment = python.parent()?.parent()?;
    let settings = fs::read_to_string(environment.join("pyvenv.cfg")).ok()?;
    let version = settings.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key.trim(), "version" | "version_info").then(|| Version::parse(value.trim()))?
    })?;
    // Nothing records whether it is free-threaded, but its packages are elsewhere.
    let free_threaded = version.clone().free_threaded();
    let packages = environment.join("lib").join(free_threaded.directory());
    Some(if packages.exists() {
        free_threaded
    } else {
        version
    })
}

/// The version of an interpreter, and its real executable: `python` may be a launcher, such as pyenv's.
pub(super) fn ask(python: &Path) -> Result<(Version, PathBuf), String> {
    const QUESTION: &str = "import os, sys
flag = b't' if 't' in sys.abiflags else b''
os.write(1, b'%d.%d.%d' % sys.version_info[:3] + flag + b'\\n' + os.fsencode(sys.executable))";
    let mut command = Command::new(python);
    command.args(["-I", "-S", "-c", QUESTION].map(OsStr::new));
    let (status, answer) = answer(&mut command, LONGEST)?;
    let mut lines = answer.splitn(2, |&byte| byte == b'\n');
    let version = lines
        .next()
        .map(String::from_utf8_lossy)
        .and_then(|text| Version::parse(&text));
    match (version, lines.next()) {
        (Some(version), Some(executable)) => {
            Ok((version, OsString::from_vec(executable.into()).into()))
        }
        _ => Err(format!("it ended with {status}")),
    }
}

/// The output of a command and its exit status. It is killed if it takes too long or prints too much.
fn answer(command: &mut Command, longest: Duration) -> Result<(ExitStatus, Vec<u8>), String> {
    const MOST: u64 = 64 << 10;
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    let (said, answer) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        // On a separate thread, which may wait for ever: another process may keep the pipe open.
        let read = move || {
            let mut bytes = Vec::new();
            let read = stdout.take(MOST).read_to_end(&mut bytes);
            let _ = said.send(read.map(|_| bytes));
        };
        thread::Builder::new()
            .spawn(read)
            .map_err(|error| error.to_string())?;
    }
    let answer = answer.recv_timeout(longest);
    // The command has closed its output, or is too late. Either way it may never end.
    let _ = child.kill();
    let status = child.wait().map_err(|error| error.to_string())?;
    match answer {
        Ok(Ok(bytes)) if bytes.len() as u64 == MOST => {
            Err(format!("it prints more than {MOST} bytes"))
        }
        Ok(Ok(bytes)) => Ok((status, bytes)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "it does not answer within {} seconds",
            longest.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_does_not_answer_or_never_stops_printing_is_killed() {
        for (script, expected) in [
            ("echo 3.11.7; exit 3", Ok("exit status: 3: 3.11.7\n")),
            (
                "exec sleep 1000",
                Err("it does not answer within 1 seconds"),
            ),
            ("exec yes", Err("it prints more than 65536 bytes")),
            ("yes >&2 & echo; kill $!", Ok("exit status: 0: \n")),
            ("exec >&-; exec sleep 1000", Ok("signal: 9 (SIGKILL): ")),
        ] {
            let mut command = Command::new("sh");
            let answer = answer(command.args(["-c", script]), Duration::from_secs(1));
            let answer = answer
                .map(|(status, bytes)| format!("{status}: {}", String::from_utf8_lossy(&bytes)));
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(answer, expected, "{script}");
        }
    }
}
