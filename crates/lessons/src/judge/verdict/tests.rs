//! The limits of calls, with Python scripts as children.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use pyoutliers::interpreter;

use super::*;

/// What is heard of a Python script, which can send messages as a child does, until its silence exceeds a limit.
fn heard(script: &str, limit: Duration) -> Answers {
    let start = "import json, os, signal, time
def send(kind, **texts):
    os.write(0, (json.dumps(dict(type=kind, **texts)) + '\\n').encode())
send('trying', what='Once', lesson='', rule='')
";
    let mut command = Command::new(interpreter::choice().unwrap().python);
    command.args(["-c", &format!("{start}{script}")]);
    let mut child = Child::start(command.process_group(0)).unwrap();
    let mut answers = Answers::default();
    let begun = Instant::now();
    answers.listen(
        &mut child,
        limit,
        &mut |_| match begun.elapsed().as_secs() {
            ..100 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        },
    );
    child.end(Duration::ZERO).unwrap();
    assert!(!answers.is_interrupted, "{script}");
    answers
}

/// The call may use only the time that another process on its processor leaves, so any limit in plain seconds passes.
#[test]
fn a_call_that_waits_for_a_processor_is_not_late() {
    let script = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
other = os.fork()
if other == 0:
    while True:
        pass
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
end = time.monotonic() + 3
while time.monotonic() < end:
    pass
os.kill(other, signal.SIGKILL)
send('clean')
";
    let answers = heard(script, Duration::from_secs(1));
    assert!(!answers.is_late);
    assert!(matches!(answers.last, Some(Message::Clean)));
}

#[test]
fn a_call_that_works_or_waits_for_too_long_is_late_and_asked_for_its_place() {
    let crashed = "def crashed(*_):
    send('crashed', signal=14, place='')
    send('crashed', signal=14, place='line 5')
    os._exit(0)
signal.signal(signal.SIGALRM, crashed)
";
    for call in [
        "while True:\n    pass\n",
        "time.sleep(1000)\n",
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n",
    ] {
        let answers = heard(&format!("{crashed}{call}"), Duration::from_millis(500));
        let judgement = answers.judgement(None, "", Path::new("a.c")).unwrap();
        let Some(Judgement::Broken { rule, evidence, .. }) = judgement else {
            unreachable!("{call}: {judgement:?}");
        };
        let said = "Once, it did not return within 30 seconds. It was in line 5.";
        assert_eq!((&*rule, &*evidence), (RETURNS, said), "{call}");
    }
}
