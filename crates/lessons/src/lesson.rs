//! What a lesson consists of, and how it runs.

use std::fmt;

use crate::children::Children;
use crate::python;
use crate::raw::Doomed;
use crate::table::Table;
use pyoutliers::{Python, Result, with_python};
use refsoak::child::Parent;

/// A lesson: a rule, the steps that show it, and the reason for it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Lesson {
    /// The name of its file, with hyphens for underscores.
    pub name: &'static str,
    /// The rule: one line of at most 80 characters.
    pub rule: &'static str,
    /// Why it has no pictures. If it has, they show every reference that is counted.
    pub undrawn: Option<&'static str>,
    pub(crate) run: Run,
    /// What it runs in child processes.
    pub(crate) mistakes: &'static [Mistake],
    /// The Python that only this lesson needs.
    pub(crate) python: &'static str,
    pub(crate) why: &'static str,
}

/// How the steps of a lesson run.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// With the lock held from the first step to the last.
    Locked(fn(Python<'_>, &mut Table<'_>) -> Result<()>),
    /// The lesson takes the lock itself, or needs none.
    Free(fn(&mut Table<'_>) -> Result<()>),
}

/// What a lesson runs in a child process: a mistake, or the correct code to compare it with.
#[derive(Clone, Copy)]
pub(crate) enum Mistake {
    /// Sends each step, with its picture, up to the one that ends the process. The page shows these steps
    /// under the title and rule.
    Drawn {
        name: &'static str,
        title: &'static str,
        rule: &'static str,
        run: fn(Python<'_>, &mut Table<'_>, Doomed) -> Result<()>,
    },
    /// Sends one answer, unless it ends the process.
    Asked {
        name: &'static str,
        run: fn(Doomed) -> refsoak::Result<String>,
    },
}

impl Lesson {
    /// Runs it on this Python.
    ///
    /// # Errors
    ///
    /// If Python cannot be started, or has no memory left.
    ///
    /// ```
    /// use lessons::{Children, LESSONS};
    ///
    /// // This lesson makes its mistakes in child processes: see `misbehave`.
    /// let children = Children::new(|_| std::process::Command::new("false"));
    /// let table = LESSONS[0].run(&children)?;
    /// println!("{table}");
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    pub fn run<'a>(&self, children: &'a Children<'a>) -> Result<Table<'a>> {
        let mut table = Table::new(children);
        self.load()?;
        match self.run {
            Run::Locked(run) => with_python(|py| run(py, &mut table))?,
            Run::Free(run) => run(&mut table)?,
        }
        Ok(table)
    }

    /// The reason for the rule, and the C to write: plain Markdown with fenced code.
    pub fn why(&self) -> &'static str {
        self.why.trim()
    }

    /// Makes one of its mistakes. Returns the child's answer, if the process survives.
    pub(crate) fn make(
        &self,
        mistake: &Mistake,
        parent: &Parent,
        doomed: Doomed,
    ) -> refsoak::Result<String> {
        self.load()?;
        match mistake {
            Mistake::Drawn { run, .. } => {
                with_python(|py| run(py, &mut Table::sending_to(parent), doomed))?;
                Ok("alive".into())
            }
            Mistake::Asked { run, .. } => run(doomed),
        }
    }

    fn load(&self) -> Result<()> {
        match self.python {
            "" => Ok(()),
            source => with_python(|py| python::add(py, source)),
        }
    }
}

impl Mistake {
    /// The name on the command line of a child that makes it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Drawn { name, .. } | Self::Asked { name, .. } => name,
        }
    }
}

impl fmt::Debug for Lesson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
