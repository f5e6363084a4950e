//! Child processes: a parent hears from a shell, and from this test as a child.
#![allow(clippy::panic, clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::env;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pyoutliers::{capi, convert, interpreter, with_python};
use refsoak::child::{Child, Heard, Parent, empty_stdin};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message {
    Number { number: u64 },
    Text { text: String },
}

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: passes each call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the rules of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the rules of `dealloc`, and `alloc` is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn python(script: &str) -> Command {
    let mut command = Command::new(interpreter::choice().unwrap().python);
    command.args(["-c", script]);
    command
}

/// All messages until the end.
fn messages(child: &mut Child) -> Vec<Message> {
    let mut messages = Vec::new();
    loop {
        match child.receive() {
            Heard::Message(message) => messages.push(message),
            Heard::Silence => {}
            Heard::End => return messages,
        }
    }
}

#[test]
fn a_parent_hears_each_message_and_then_the_end() {
    let script = r#"printf '{"type":"number",' >&0; sleep 0.3; echo '"number":1}' >&0
        echo 'not a message' >&0
        echo '{"type":"text","text":"last"}' >&0; exit 3"#;
    let mut child = Child::start(&mut shell(script)).unwrap();
    let (number, text) = (1, "last".into());
    let expected = [Message::Number { number }, Message::Text { text }];
    assert_eq!(messages(&mut child), expected);
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_process_that_a_child_leaves_behind_does_not_hide_the_end_of_the_child_and_is_killed() {
    let script = r#"sleep 1000 & echo '{"type":"number","number":'$!'}' >&0"#;
    let mut child = Child::start(shell(script).process_group(0)).unwrap();
    let begun = Instant::now();
    let heard = messages(&mut child);
    let [Message::Number { number }] = heard[..] else {
        panic!("{heard:?}");
    };
    assert!(begun.elapsed() < Duration::from_secs(100));
    let process = format!("/proc/{number}/stat");
    assert!(Path::new(&process).exists());
    child.end(Duration::from_secs(5)).unwrap();
    // A process that has ended and waits for its new parent is a zombie.
    let has_ended = || {
        let stat = std::fs::read_to_string(&process);
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    while !has_ended() {
        assert!(
            begun.elapsed() < Duration::from_secs(100),
            "the process still runs"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Until its parent waits for it, a child that has ended keeps its number, and so the number of its group.
#[test]
fn a_group_is_killed_while_its_number_cannot_belong_to_another() {
    let watched = "import os
kill_group, seen = os.killpg, []
def killpg(number, signal):
    seen.append(number if os.path.exists('/proc/%d' % number) else -number)
    kill_group(number, signal)
os.killpg = killpg
";
    let name = c"watched";
    with_python(|py| Ok(interpreter::module(py, name, name, watched).map(drop)?)).unwrap();
    for script in [
        r#"sleep 1000 & echo '{"type":"number","number":'$$'}' >&0"#,
        r#"echo '{"type":"number","number":'$$'}' >&0; exec sleep 1000"#,
    ] {
        let mut child = Child::start(shell(script).process_group(0)).unwrap();
        let number = loop {
            match child.receive() {
                Heard::Message(Message::Number { number }) => break number,
                heard => assert!(matches!(heard, Heard::Silence), "{heard:?}"),
            }
        };
        // The first one has ended by then. The second one is killed.
        for _ in 0..5 {
            child.receive::<Message>();
        }
        child.end(Duration::ZERO).unwrap();
        let seen = with_python(|py| {
            let watched = capi::import_module(py, name)?;
            convert::ints(&capi::object_get_attr_string(&watched, c"seen")?, 100)
        });
        let number = i64::try_from(number).unwrap();
        assert!(seen.as_ref().unwrap().contains(&number), "{seen:?}");
        assert!(!Path::new(&format!("/proc/{number}")).exists());
    }
}

/// One process is enough to keep a processor from another one, if that may use only idle time.
#[test]
fn time_for_which_a_child_waits_for_a_processor_is_no_silence() {
    let busy = "import os, threading
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
def work():
    while True:
        pass
if os.fork() == 0:
    work()
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
os.write(0, b'{\"type\":\"number\",\"number\":1}\\n')
thread = threading.Thread(target=work)
thread.start()
thread.join()
";
    let mut child = Child::start(python(busy).process_group(0)).unwrap();
    while !matches!(child.receive(), Heard::Message(Message::Number { .. })) {}
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        assert!(matches!(child.receive::<Message>(), Heard::Silence));
    }
    let (silence, elapsed) = (child.silence(), begun.elapsed());
    child.end(Duration::ZERO).unwrap();
    assert!(silence < elapsed / 4, "{silence:?} of {elapsed:?}");
}

#[test]
fn time_for_which_a_child_works_or_waits_for_anything_else_is_silence() {
    // Two threads at a time, if there are two processors: hashing needs no lock.
    let threads = "import hashlib, threading
data = bytes(1 << 24)
def work():
    while True:
        hashlib.sha256(data)
threading.Thread(target=work).start()
work()
";
    for mut script in [
        shell("while :; do :; done"),
        shell("exec sleep 1000"),
        shell("kill -STOP $$"),
        // Its own processes do not speak for it.
        shell("while :; do :; done & wait"),
        // No line of this is a message.
        shell("while :; do echo >&0; done"),
        python(threads),
    ] {
        let (begun, mut is_silent) = (Instant::now(), true);
        let mut child = Child::start(script.process_group(0)).unwrap();
        while is_silent && child.silence() < Duration::from_millis(500) {
            is_silent = matches!(child.receive::<Message>(), Heard::Silence)
                && begun.elapsed() < Duration::from_secs(100);
        }
        let (silence, elapsed) = (child.silence(), begun.elapsed());
        child.end(Duration::ZERO).unwrap();
        assert!(is_silent, "{script:?}: {silence:?} of {elapsed:?}");
        assert!(silence <= elapsed, "{script:?}: {silence:?} of {elapsed:?}");
    }
}

#[test]
fn a_child_sends_without_allocating_and_its_stdin_is_empty() {
    if env::var_os("REFSOAK_CHILD").is_some() {
        return child_side();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    let name = "a_child_sends_without_allocating_and_its_stdin_is_empty";
    command.args(["--exact", name]).env("REFSOAK_CHILD", "1");
    let mut child = Child::start(command.stdout(Stdio::null())).unwrap();
    let heard = messages(&mut child);
    let numbers = |number| Message::Number { number };
    let (read, allocated) = (numbers(0), numbers(0));
    let text = Message::Text {
        text: "é".repeat(100_000),
    };
    assert_eq!(heard, [numbers(u64::MAX), read, text, allocated]);
    assert!(child.wait().unwrap().success());
}

fn child_side() {
    let parent = Parent::connect().unwrap();
    empty_stdin().unwrap();
    let message = Message::Number { number: u64::MAX };
    let before = ALLOCATIONS.get();
    parent.send(&message).unwrap();
    let allocated = ALLOCATIONS.get() - before;
    let read = io::stdin().read(&mut [0; 10]).unwrap();
    let number = read.try_into().unwrap();
    parent.send(&Message::Number { number }).unwrap();
    let text = "é".repeat(100_000);
    parent.send(&Message::Text { text }).unwrap();
    let number = allocated;
    parent.send(&Message::Number { number }).unwrap();
}
