//! The lessons, one in each file, and their order.

use std::process;

use refsoak::child::{CUT_OFF, Parent};

use crate::children::send_answer;
use crate::lesson::Lesson;
use crate::raw::Doomed;

mod shared;

macro_rules! lessons {
    ($($group:literal: $($file:ident)*;)*) => {
        $($(mod $file;)*)*

        /// The lessons in groups, each with its title.
        pub const GROUPS: &[(&str, &[Lesson])] = &[$(($group, &[$($file::LESSON),*])),*];

        /// All lessons, in the order in which to read them.
        pub const LESSONS: &[Lesson] = &[$($($file::LESSON,)*)*];
    };
}

lessons! {
    "The three rules":
        new_reference
        stolen_reference
        borrowed_reference
        manual
        whole_call;
    "Who stores":
        storing
        parameters
        leaked_tuple
        called_by_python
        questions
        numbers
        modules;
    "What dies":
        thin_ice
        clear_first
        text
        cycles
        copy;
    "What fails":
        stolen_on_failure
        half_way
        dropped_minus_one
        exceptions;
    "Versions and threads":
        immortal
        lock
        released_lock
        once;
}

/// Makes the mistake of that name in a child process of [`Children`](crate::Children), and ends the
/// process.
///
/// Only a process that was started for a mistake can call it:
///
/// ```
/// use lessons::{Doomed, misbehave};
/// if let Some(doomed) = Doomed::of_this_process() {
///     misbehave("use-after-steal", doomed);
/// }
/// ```
pub fn misbehave(name: &str, doomed: Doomed) -> ! {
    let Ok(parent) = Parent::connect() else {
        process::exit(CUT_OFF.into());
    };
    let find = |lesson: &Lesson| {
        let mut mistakes = lesson.mistakes.iter();
        Some((*lesson, mistakes.find(|mistake| mistake.name() == name)?))
    };
    let answer = match LESSONS.iter().find_map(find) {
        Some((lesson, mistake)) => lesson.make(mistake, &parent, doomed),
        None => Ok(format!("there is no mistake named {name}")),
    };
    send_answer(&parent, &answer.unwrap_or_else(|error| error.to_string()));
    // Destructors do not run, because they could touch memory that the mistake has damaged.
    process::exit(0);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::fs;

    use super::*;
    use crate::lesson::Mistake;

    #[test]
    fn each_file_is_a_lesson_of_that_name() {
        let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lessons")).unwrap();
        let files: BTreeSet<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter_map(|file| Some(file.strip_suffix(".rs")?.replace('_', "-")))
            .filter(|file| !["mod", "shared"].contains(&file.as_str()))
            .collect();
        let lessons = LESSONS.iter().map(|lesson| lesson.name.to_owned());
        assert_eq!(files, lessons.collect());
    }

    #[test]
    fn no_two_mistakes_have_the_same_name() {
        let mistakes = LESSONS.iter().flat_map(|lesson| lesson.mistakes);
        let mut names: Vec<_> = mistakes.map(Mistake::name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
