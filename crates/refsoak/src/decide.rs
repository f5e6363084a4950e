//! The verdict of a soak. It is decided here, once, and nowhere else.

use crate::counter::Counter;
use crate::lent::Lent;
use crate::report::thousands;
use crate::stage::{Ended, Stage};
use crate::verdict::{self, Finding, Growth, Verdict, conclude};

/// Clean is only what all of these counters say.
const NEEDED: [Counter; 4] = [
    Counter::Blocks,
    Counter::Tracked,
    Counter::References,
    Counter::Items,
];

/// The verdict, from what was done with the lent arguments, and from the last stage. `unseen` is the planted
/// fault with an argument that was not seen.
pub(super) fn decide(unseen: Option<&str>, lent: &Lent, stage: &Stage) -> Verdict {
    if let Some(unseen) = unseen {
        return no_trust(unseen);
    }
    if lent.is_over_released() {
        return Verdict::OverRelease;
    }
    match &stage.conclusion {
        Verdict::Leak if stage.may_still_fill => still_fills(stage),
        // More calls would not change these.
        certain @ (Verdict::Leak | Verdict::OverRelease) => certain.clone(),
        conclusion => match (too_early(stage), conclusion) {
            (Some(reason), _) => Verdict::Undecided(reason.into()),
            (None, Verdict::Clean) if is_blind(stage) => no_trust(&stage.unproven.join("; ")),
            // With what a comparison with the stage before has marked.
            (None, Verdict::Clean) => conclude(&stage.counters),
            (None, undecided) => undecided.clone(),
        },
    }
}

fn no_trust(why: &str) -> Verdict {
    Verdict::Undecided(format!("the meter cannot be trusted: {why}"))
}

fn still_fills(stage: &Stage) -> Verdict {
    let fills = match stage.containers.first() {
        Some(container) => format!(
            "{container}, after {} calls",
            thousands(stage.warm_up + stage.calls)
        ),
        None => verdict::names(&stage.counters, Finding::Leak),
    };
    Verdict::Undecided(format!(
        "this grows: a leak, or a store that is still filling; allow more time to find out: {fills}"
    ))
}

/// Why the windows that are complete are too few for a verdict, if they are.
fn too_early(stage: &Stage) -> Option<&'static str> {
    // Windows of both lengths are enough; so are some windows in which no counter moved.
    let is_steady = |growth: &Growth| growth.finding == Finding::Steady;
    let is_compared = stage.calls > 12 * stage.shortest
        || stage.calls >= 4 * stage.shortest.max(1) && stage.counters.iter().all(is_steady);
    match stage.ended? {
        Ended::Memory => {
            Some("the soak took too much memory, and stopped before it was certain what grows")
        }
        Ended::Files => Some(
            "the process has almost reached its limit of open files, and the soak stopped before it \
             was certain what grows",
        ),
        Ended::Time if !is_compared => {
            Some("the time was up before there was anything to compare: allow more")
        }
        Ended::Interrupted if !is_compared => {
            Some("interrupted before there was anything to compare")
        }
        _ => None,
    }
}

/// Whether a counter that is needed for a clean verdict was not judged.
fn is_blind(stage: &Stage) -> bool {
    let mut unproven = verdict::of(&stage.counters, Finding::Unproven);
    unproven.any(|growth| NEEDED.contains(&growth.counter))
}
