//! `outliers audit`: calls what a compiled module offers, and soaks the calls that look suspicious.
//!
//! A child process, which runs `audit.py`, tries calls and screens them. If a call ends or hangs it, another child goes
//! on after that. Each suspicious call is then soaked by the ordinary `outliers soak STATEMENT`. Only the verdict of
//! that counts.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{self, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use lessons::TemporaryDirectory;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::{convert, interpreter, with_python};
use refsoak::child::{Child, Heard, Parent, empty_stdin, signal_name};
use refsoak::{Prepared, Record};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use table::{Call, Row};

use super::argument::text;
use super::bar::Bar;
use super::called;

/// How long the import and a call may take.
const IMPORT: Duration = Duration::from_secs(120);
const CALL: Duration = Duration::from_secs(10);
/// If a call takes longer, it is soaked for a second. It hangs if that has not ended after this time.
const HANG: Duration = Duration::from_secs(20);
/// How long any other soak may take: it may take ten seconds, and more if the machine is busy.
const SOAK: Duration = Duration::from_secs(180);
/// How long a child may take to end after its last message.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct Arguments {
    /// A module or a package, with its compiled submodules
    #[arg(value_parser = text::<String>())]
    module: String,
    /// Call functions and types that are written in Python too
    #[arg(long)]
    python: bool,
    /// Name the C functions that take and release leaked references; it
    /// needs gdb
    #[arg(long, verbatim_doc_comment)]
    native: bool,
    /// For each finding, write a script that shows it to this directory
    #[arg(long, value_name = "DIR")]
    reproducer: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// In a child process: the file of what earlier ones found out
    #[arg(long, hide = true)]
    known: Option<PathBuf>,
}

/// What the child process says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message {
    /// It has imported the module. `others` are compiled modules that this imports.
    Modules {
        compiled: Vec<String>,
        others: Vec<String>,
    },
    /// It could not.
    Refused { text: String },
    /// It will make these calls of a callable. Without a name, it makes an instance that is known.
    Trying { name: String, calls: Vec<Call> },
    /// It screens these callables together.
    Screening { names: Vec<String> },
    /// It has screened them.
    Screened { names: Vec<String> },
    /// A callable returns an instance of a type: this expression makes one.
    Instance { name: String, source: String },
    /// A callable accepts or refuses so many calls, which are screened.
    Called {
        name: String,
        calls: u64,
        accepts: bool,
    },
    /// A callable has a dangerous name.
    LeftOut { name: String },
    /// A callable cannot be screened, because its arguments or its instance leak.
    Masked { name: String },
    /// Something moves with a call of a callable.
    Suspect { name: String, call: Call },
    /// All callables are screened.
    Done,
}

/// What is known so far.
#[derive(Default)]
struct Audit {
    is_imported: bool,
    compiled: Vec<String>,
    others: Vec<String>,
    /// The number of calls of each callable.
    called: BTreeMap<String, u64>,
    unreached: BTreeSet<String>,
    left_out: BTreeSet<String>,
    masked: BTreeSet<String>,
    refused: Option<String>,
    trying: (String, Vec<Call>),
    screening: Vec<String>,
    /// What the next child process must know.
    known: Known,
    /// Calls to soak: of which callable, and whether it took too long.
    suspects: Vec<(String, Call, bool)>,
    is_done: bool,
    undecided: Vec<String>,
    rows: Vec<Row>,
}

/// What a child process must know if an earlier one died.
#[derive(Default, Serialize)]
struct Known {
    instances: Vec<(String, String)>,
    tried: BTreeSet<String>,
    /// Callables to screen one by one, because one of them ends the process.
    apart: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(known) = &arguments.known {
        return probe(arguments, &fs::read_to_string(known)?);
    }
    let begun = Instant::now();
    let mut children = Children::new()?;
    if let Some(directory) = &arguments.reproducer {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let mut audit = Audit::default();
    let done = audit.probe(arguments, &mut children);
    let done = done.and_then(|()| audit.soak(arguments, &mut children));
    children.bar.clear();
    done?;
    let is_interrupted = children.is_interrupted();
    if audit.called.values().sum::<u64>() == 0 && !is_interrupted {
        super::output::say(&audit.why_nothing(arguments));
        return Ok(ExitCode::from(3));
    }
    let module = &*arguments.module;
    super::output::print(&if arguments.json {
        audit.to_json(module, begun.elapsed(), is_interrupted)
    } else {
        audit.to_text(module, begun.elapsed(), is_interrupted)
    })?;
    Ok(match (is_interrupted, audit.rows.is_empty()) {
        (true, _) => ExitCode::from(130),
        (false, false) => ExitCode::FAILURE,
        (false, true) => ExitCode::SUCCESS,
    })
}

impl Audit {
    fn hear(&mut self, message: Message) {
        match message {
            Message::Modules { compiled, others } => {
                (self.is_imported, self.compiled, self.others) = (true, compiled, others);
            }
            Message::Refused { text } => self.refused = Some(text),
            Message::Trying { name, calls } => {
                self.trying = (name, calls);
                self.screening.clear();
            }
            Message::Screening { names } => self.screening = names,
            Message::Screened { names } => {
                self.known.tried.extend(names);
                self.screening.clear();
            }
            Message::Instance { name, source } => {
                let instance = (name, source);
                if !self.known.instances.contains(&instance) {
                    self.known.instances.push(instance);
                }
            }
            Message::Called {
                name,
                calls,
                accepts,
            } => {
                if !accepts {
                    self.unreached.insert(name.clone());
                }
                self.called.insert(name, calls);
            }
            Message::LeftOut { name } => drop(self.left_out.insert(name)),
            Message::Masked { name } => drop(self.masked.insert(name)),
            Message::Suspect { name, call } => self.suspects.push((name, call, false)),
            Message::Done => self.is_done = true,
        }
    }

    /// Tries and screens all calls, in as many child processes as it takes.
    fn probe(&mut self, arguments: &Arguments, children: &mut Children) -> Result<()> {
        let module = &*arguments.module;
        let known = children.output.path().join("known");
        loop {
            fs::write(&known, json!(self.known).to_string())?;
            let mut command = called::again();
            command.args(["audit", module, "--known"]).arg(&known);
            command.stdout(Stdio::null());
            if arguments.python {
                command.arg("--python");
            }
            let ended = children.run(&mut command, [IMPORT, CALL], |message, bar| {
                self.hear(message);
                bar.note(format_args!(
                    "{} called, {}",
                    self.called.len(),
                    self.trying.0
                ));
            })?;
            if let Some(text) = &self.refused {
                bail!("cannot import {module}: {text}")
            }
            let is_late = matches!(ended, Ended::Late);
            let how = match ended {
                Ended::Interrupted => return Ok(()),
                Ended::Itself(_) if self.is_done => return Ok(()),
                Ended::Itself(status) => match status.signal() {
                    Some(signal) => format!("died by {}", signal_name(signal)),
                    None => format!("ended with {status}"),
                },
                Ended::Late => "took too long".into(),
            };
            if !self.is_imported {
                bail!("while it imported {module}, the process {how}")
            }
            if !self.screening.is_empty() {
                self.known.apart.append(&mut self.screening);
                continue;
            }
            let (name, calls) = std::mem::take(&mut self.trying);
            let is_this = |source: &str| calls.iter().any(|call| call.statement == source);
            if name.is_empty() && calls.is_empty() {
                bail!("after it imported {module}, the process {how}")
            }
            if name.is_empty() {
                self.known.instances.retain(|(_, source)| !is_this(source));
            } else {
                let called = self.called.entry(name.clone());
                called.or_insert(calls.len() as u64);
                self.known.tried.insert(name.clone());
            }
            self.suspects
                .extend(calls.into_iter().map(|call| (name.clone(), call, is_late)));
        }
    }

    /// Soaks what is suspicious.
    fn soak(&mut self, arguments: &Arguments, children: &mut Children) -> Result<()> {
        let suspects = std::mem::take(&mut self.suspects);
        let (all, mut found) = (suspects.len(), BTreeSet::new());
        for (number, (name, call, is_late)) in suspects.iter().enumerate() {
            // One row for each callable, and one for its errors.
            if found.contains(&(name, call.raises)) {
                continue;
            }
            let bar = &mut children.bar;
            bar.note(format_args!(
                "soaking {} of {all}, {}",
                number + 1,
                call.statement
            ));
            let file = format!("{name}{}.py", if call.raises { "-raises" } else { "" });
            let file = file.replace(" =", "-set");
            let directory = arguments.reproducer.as_ref();
            let file = directory.map(|directory| path::absolute(directory.join(file)));
            if let Some(row) =
                self.soak_one(call, *is_late, file.transpose()?, arguments, children)?
            {
                found.insert((name, call.raises));
                self.rows.push(row);
            }
            if children.is_interrupted() {
                break;
            }
        }
        self.rows.sort_by(Row::compare);
        Ok(())
    }

    fn soak_one(
        &mut self,
        call: &Call,
        is_late: bool,
        reproducer: Option<PathBuf>,
        arguments: &Arguments,
        children: &mut Children,
    ) -> Result<Option<Row>> {
        let mut command = called::again();
        command.args(call.arguments());
        let (seconds, limit) = if is_late { ("1", HANG) } else { ("10", SOAK) };
        command.args(["--calls", "1600", "--seconds", seconds, "--json"]);
        if arguments.native {
            command.arg("--native");
        }
        if let Some(file) = &reproducer {
            command.arg("--reproducer").arg(file);
        }
        let output = children.output.path().join("output");
        command.stdout(File::create(&output)?);
        let ended = children.run(&mut command, [limit; 2], |_, _| {})?;
        let report = serde_json::from_slice::<Record>(&fs::read(output)?).ok();
        Ok(match (ended, report) {
            (Ended::Interrupted, _) => None,
            (Ended::Late, _) if is_late => Some(Row::hangs(call, HANG)),
            (_, Some(report)) if report.verdict == "clean" => None,
            (_, Some(report)) if report.verdict != "none" => {
                let reproducer = reproducer.filter(|file| file.exists());
                Some(Row::new(call, report, reproducer))
            }
            _ => {
                self.undecided.push(call.command());
                None
            }
        })
    }

    fn why_nothing(&self, arguments: &Arguments) -> String {
        let (module, outliers) = (&*arguments.module, called::name());
        match (self.compiled.is_empty(), self.others.first()) {
            (false, _) if self.left_out.is_empty() => {
                format!("{module} is compiled, but has no public function or type")
            }
            (false, _) => {
                let names: Vec<_> = self.left_out.iter().map(String::as_str).collect();
                let why = "all that it has may touch files or processes, as the names say";
                format!("nothing in {module} is called: {why}: {}", names.join(", "))
            }
            (true, Some(other)) => format!(
                "{module} is written in Python, and uses compiled modules: {}; try {outliers} audit {other}",
                self.others.join(", ")
            ),
            (true, None) => {
                format!("{module} is written in Python: --python calls its functions and types")
            }
        }
    }
}

/// How a child process ended.
enum Ended {
    Itself(ExitStatus),
    Late,
    Interrupted,
}

/// Runs child processes, one after another.
struct Children {
    interrupted: Arc<AtomicBool>,
    bar: Bar,
    output: TemporaryDirectory,
}

impl Children {
    fn new() -> Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot listen for Ctrl-C")?;
        let (bar, output) = (Bar::new(), TemporaryDirectory::new("outliers-audit")?);
        Ok(Self {
            interrupted,
            bar,
            output,
        })
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Runs a command in an empty directory until it ends, or until it takes too long to say something at first, or
    /// later. Ends all processes that it has started.
    fn run(
        &mut self,
        command: &mut Command,
        [mut limit, later]: [Duration; 2],
        mut hear: impl FnMut(Message, &mut Bar),
    ) -> Result<Ended> {
        let directory = TemporaryDirectory::new("outliers-audit")?;
        command.current_dir(directory.path()).stderr(Stdio::null());
        command.process_group(0);
        find_modules_from_there(command)?;
        let mut child = Child::start(command)?;
        let mut heard = Instant::now();
        let is_over = loop {
            match child.receive()? {
                Heard::Message(message) => {
                    (heard, limit) = (Instant::now(), later);
                    hear(message, &mut self.bar);
                }
                Heard::Silence if heard.elapsed() > limit => break true,
                Heard::Silence => {}
                Heard::End => break false,
            }
            if self.is_interrupted() {
                break true;
            }
        };
        let status = child.end(if is_over { Duration::ZERO } else { PATIENCE })?;
        Ok(match is_over {
            _ if self.is_interrupted() => Ended::Interrupted,
            true => Ended::Late,
            false => Ended::Itself(status),
        })
    }
}

/// Makes paths in the environment absolute, because the command will start in another directory.
fn find_modules_from_there(command: &mut Command) -> Result<()> {
    for name in ["OUTLIERS_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) {
            command.env(name, path::absolute(value)?);
        }
    }
    let paths = env::var_os("PYTHONPATH").unwrap_or_default();
    // `python -m` searches the current directory first.
    let here = called::is_in_python().then(PathBuf::new);
    let paths = here
        .into_iter()
        .chain(env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()));
    let paths: Vec<_> = paths
        .map(|path| env::current_dir().map(|here| here.join(path)))
        .collect::<Result<_, _>>()?;
    command.env("PYTHONPATH", env::join_paths(paths)?);
    Ok(())
}

/// The child process: tries calls, and screens those that `audit.py` asks for.
fn probe(arguments: &Arguments, known: &str) -> Result<ExitCode> {
    let parent = Parent::connect()?;
    empty_stdin()?;
    let step = with_python(|py| {
        let (name, file) = (c"_outliers_audit", c"<outliers>/audit.py");
        let module = interpreter::module(py, name, file, include_str!("audit.py"))?;
        let python = if arguments.python { "python" } else { "" };
        let socket = parent.socket().as_raw_fd().to_string();
        let words = [&*arguments.module, python, &socket, known];
        let mut texts = capi::list_new(py, words.len())?;
        for (index, text) in words.into_iter().enumerate() {
            capi::list_set_item(&mut texts, index, capi::unicode_from_str(py, text)?)?;
        }
        let texts: Owned<'_> = texts.finish()?;
        let begin = capi::object_get_attr_string(&module, c"begin")?;
        Ok(Held::from(capi::object_call_function_obj_args(
            &begin,
            [&texts],
        )?))
    })?;
    let (mut prepared, mut moved) = (None, String::new());
    loop {
        let next = with_python(|py| {
            let moved = capi::unicode_from_str(py, &moved)?;
            let list = capi::object_call_function_obj_args(&step.as_borrowed(py), [&moved])?;
            convert::vec_from_iterable(&list, 1, |_, function| Ok(Held::from(function.clone())))
        })?;
        let Some(function) = next.first() else {
            return Ok(ExitCode::SUCCESS);
        };
        let prepared = match &mut prepared {
            Some(prepared) => prepared,
            none => none.insert(Prepared::new()?),
        };
        let screened = prepared.screen(|| {
            with_python(|py| {
                capi::object_call_function_obj_args(&function.as_borrowed(py), [])
                    .map(drop)
                    .map_err(Into::into)
            })
        });
        moved = match screened {
            Ok(screened) if screened.is_suspect => {
                let counters = screened
                    .counters
                    .iter()
                    .map(|counter| format!("{counter}; "));
                counters.collect::<String>() + &screened.cause
            }
            _ => String::new(),
        };
    }
}
